// What the suites share: Python's servers installed, bodies of requests, the generator, answers that were checked.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { LineProcess } from "../lib/process.mjs";
import { cache, python } from "../lib/paths.mjs";
import { step } from "../lib/steps.mjs";

/** infinity pins older versions of what sentence-transformers needs: it gets an environment of its own. */
export async function installServers() {
  const folder = path.join(cache, "venv-infinity");
  const own = path.join(folder, "bin", "python");
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
  const requirements = (name) => path.join(import.meta.dirname, `requirements-${name}.txt`);
  await once("fastapi", requirements("fastapi"), () =>
    step("python: FastAPI and uvicorn", python, [...install, requirements("fastapi")]),
  );
  await once("infinity", requirements("infinity"), async () => {
    await step("python: an environment for infinity", "python3", ["-m", "venv", folder]);
    await step("python: infinity-emb (gigabytes: torch)", own, [...install, requirements("infinity")]);
  });
}

/** Does `work` unless it was done for this content of `file`. */
async function once(name, file, work) {
  const stamp = path.join(cache, `${name}.sha256`);
  const hash = createHash("sha256").update(readFileSync(file)).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return;
  await work();
  mkdirSync(cache, { recursive: true });
  writeFileSync(stamp, hash);
}

/** Files of request bodies, made once. @type {Map<string, string>} */
const files = new Map();

/**
 * A file with bodies of `texts` a request, going through all texts.
 *
 * @param {readonly string[]} texts
 * @param {{ perRequest: number, model: string, format: "float" | "base64" }} options
 */
export function bodiesFile(texts, options) {
  const id = JSON.stringify([options, texts.length, texts[0]]);
  let file = files.get(id);
  if (file !== undefined) return file;
  const { perRequest, model, format } = options;
  const count = Math.ceil(texts.length / perRequest);
  const bodies = Array.from({ length: count }, (_, request) => {
    const input = Array.from(
      { length: perRequest },
      (_, i) => texts[(request * perRequest + i) % texts.length],
    );
    // OpenAI's default is "float"; not every server knows the field.
    const encoding = format === "float" ? {} : { encoding_format: format };
    return JSON.stringify({ model, input: perRequest === 1 ? input[0] : input, ...encoding });
  });
  file = path.join(cache, "server", `${createHash("sha256").update(id).digest("hex").slice(0, 16)}.json`);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(bodies));
  files.set(id, file);
  return file;
}

/** The load generator's process. */
export class Generator extends LineProcess {
  constructor() {
    super(process.execPath, [path.join(import.meta.dirname, "generator.mjs")]);
  }

  /**
   * Sends a load to a server; see `load.mjs`.
   *
   * @param {import("./servers.mjs").RunningServer} server
   * @param {string} bodies
   * @param {object} load
   */
  load(server, bodies, load) {
    const { port, definition } = server;
    // The load, the answers that come after it, and a generator that had to wait for its processor.
    const limit = load.seconds + 300;
    return this.ask({ host: "127.0.0.1", port, path: definition.path, bodies, ...load }, limit);
  }
}

/** The name under which a server knows its model. @param {import("./servers.mjs").RunningServer} server */
export async function modelName({ port, definition }) {
  if (definition.models === undefined) return "model";
  const response = await fetch(`http://127.0.0.1:${port}${definition.models}`);
  return (await response.json()).data[0].id;
}

/**
 * The least cosine of a server's vectors to the reference's; throws where it is below the server's limit.
 *
 * @param {import("./servers.mjs").RunningServer} server
 * @param {readonly string[]} texts
 * @param {import("../lib/workloads.mjs").Workload} workload
 * @param {string} model
 */
export async function checkAnswers({ port, definition }, texts, { reference }, model) {
  const input = reference.indices.map((index) => texts[index]);
  const response = await fetch(`http://127.0.0.1:${port}${definition.path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, input }),
  });
  if (!response.ok)
    throw new Error(`${definition.name} answers ${response.status}: ${await response.text()}`);
  const { data } = await response.json();
  let least = Infinity;
  for (const [row, { embedding }] of data.entries()) {
    let [dot, a, b] = [0, 0, 0];
    for (const [i, value] of embedding.entries()) {
      const expected = reference.vectors[row * reference.dimensions + i];
      dot += value * expected;
      a += value ** 2;
      b += expected ** 2;
    }
    least = Math.min(least, dot / Math.sqrt(a * b));
  }
  if (data.length === input.length && least >= definition.minCosine) return least;
  throw new Error(
    `${definition.name}: wrong answer, cosine ${least}, at least ${definition.minCosine} is asked`,
  );
}
