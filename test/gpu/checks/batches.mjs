// How much a text's vector depends on the texts beside it. The CPU's does not at all; a GPU's may, by the rounding of sums that
// are taken in another order.
import { Nearness, tinyModels } from "../vectors.mjs";

const names = ["tiny-bert-mean", "tiny-mpnet", "tiny-nomic-bert", "tiny-modernbert"];

/** @param {{ NativeBackend: any, device: string, dtypes: string[], results: import("../results.mjs").Results }} suite */
export async function batches({ NativeBackend, device, dtypes, results }) {
  for (const dtype of dtypes) {
    for (const { name, folder, expected } of tinyModels().filter((model) => names.includes(model.name))) {
      await results.check(`alone and in a batch, ${dtype}, ${name}`, async () => {
        const backend = await NativeBackend.load(folder, { device, dtype });
        try {
          return await compare(backend, expected.texts, dtype);
        } finally {
          await backend.dispose();
        }
      });
    }
  }
}

async function compare(backend, texts, dtype) {
  const many = Array.from({ length: 400 }, (_, i) => `${texts[i % texts.length]} ${"word ".repeat(i % 17)}`);
  const together = await backend.embed(many);
  const reversed = await backend.embed([...many].reverse());
  const nearness = new Nearness(dtype);
  for (let i = 0; i < many.length; i += 7) {
    const alone = (await backend.embed(many[i])).at(0);
    nearness.add(together.at(i), alone, `text ${i} of the batch`);
    nearness.add(reversed.at(many.length - 1 - i), alone, `text ${i}, in reverse`);
  }
  return nearness.figure();
}
