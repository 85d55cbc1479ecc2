// The vectors of sentence-transformers.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

import { cosine, fixtures, Nearness, root, tinyModels } from "../vectors.mjs";

/** What int8 leaves of any of the fixture's texts; a GPU computes with the same weights, widened. */
const int8Limit = 0.996;

/** @param {{ NativeBackend: any, device: string, dtypes: string[], results: import("../results.mjs").Results }} suite */
export async function parity({ NativeBackend, device, dtypes, results }) {
  for (const dtype of dtypes) {
    for (const { name, folder, expected } of tinyModels()) {
      if (device !== "cpu" && isStatic(name)) continue;
      await results.check(`parity, ${dtype}, ${name}`, async () => {
        const backend = await NativeBackend.load(folder, { device, dtype });
        try {
          checkPlace(backend, device);
          return await compare(backend, expected, dtype);
        } finally {
          await backend.dispose();
        }
      });
    }
  }
  await results.check("parity, all-MiniLM-L6-v2, int8 weights", async () => embedded(NativeBackend, device));
  const exact = path.join(root, ".cache/test-weights/all-MiniLM-L6-v2");
  const name = "parity, all-MiniLM-L6-v2, exact weights";
  if (!existsSync(exact)) return results.skip(name, "they are not here (scripts/get-test-weights.mjs)");
  for (const dtype of dtypes) {
    await results.check(`${name}, ${dtype}`, async () => {
      const nearness = new Nearness(dtype);
      await minilm(NativeBackend, exact, { device, dtype }, (got, reference, text) => {
        nearness.add(got, reference, text);
      });
      return nearness.figure();
    });
  }
}

/** Static models are for the CPU: a GPU refuses them. */
const isStatic = (name) => /static|model2vec/.test(name);

/** "cuda" is "cuda:0". */
function checkPlace(backend, device) {
  if (backend.device.replace(/:\d+$/, "") !== device.replace(/:\d+$/, "")) {
    throw new Error(`it is on ${backend.device}, not on ${device}`);
  }
}

async function compare(backend, expected, dtype) {
  const nearness = new Nearness(dtype);
  for (const { prompt_name: promptName, dimensions, renormalized, vectors } of expected.cases) {
    // A normalised model's cut vectors are normalised again; what sentence-transformers does not is no case.
    if (dimensions < expected.dimensions && expected.normalized && !renormalized) continue;
    const { data } = await backend.embed(expected.texts, {
      dimensions,
      cutWithoutMatryoshka: true,
      ...(promptName !== null && { promptName }),
    });
    vectors.forEach((vector, row) => {
      nearness.add(data.subarray(row * dimensions, (row + 1) * dimensions), vector, `text ${row}`);
    });
  }
  return nearness.figure();
}

async function embedded(NativeBackend, device) {
  let least = 1;
  await minilm(NativeBackend, path.join(root, "models/all-MiniLM-L6-v2"), { device }, (got, reference) => {
    const value = cosine(got, reference);
    if (!(value >= least)) least = value;
  });
  if (!(least >= int8Limit)) throw new Error(`cosine to float32 ${least}; the limit is ${int8Limit}`);
  return `cosine to float32 at least ${least.toFixed(4)}`;
}

async function minilm(NativeBackend, folder, options, take) {
  const texts = JSON.parse(readFileSync(path.join(fixtures, "texts.json"), "utf8"));
  const plain = [...texts.entries()].filter(([, { text }]) => typeof text === "string");
  const bytes = readFileSync(path.join(fixtures, "all-MiniLM-L6-v2.f32"));
  const reference = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const backend = await NativeBackend.load(folder, options);
  try {
    const { data, dimensions } = await backend.embed(plain.map(([, { text }]) => text));
    const row = (vectors, index) => vectors.subarray(index * dimensions, (index + 1) * dimensions);
    plain.forEach(([index, { name }], i) => take(row(data, i), row(reference, index), name));
  } finally {
    await backend.dispose();
  }
}
