// Two models on one device: their calls take turns, and neither sees the other.
import { Nearness, tinyModels } from "../vectors.mjs";

/** @param {{ NativeBackend: any, device: string, dtypes: string[], results: import("../results.mjs").Results }} suite */
export async function models({ NativeBackend, device, dtypes, results }) {
  const [first, second] = ["tiny-bert-mean", "tiny-mpnet"].map((wanted) =>
    tinyModels().find(({ name }) => name === wanted),
  );
  for (const dtype of dtypes) {
    await results.check(`two models at a time, ${dtype}`, async () => {
      const backends = await Promise.all(
        [first, second].map(({ folder }) => NativeBackend.load(folder, { device, dtype })),
      );
      try {
        const nearness = new Nearness(dtype);
        const calls = backends.flatMap((backend, i) => {
          const { texts, cases } = [first, second][i].expected;
          return Array.from({ length: 20 }, async (_, call) => {
            const result = await backend.embed(texts);
            cases[0].vectors.forEach((vector, row) => nearness.add(result.at(row), vector, `call ${call}`));
          });
        });
        await Promise.all(calls);
        // One that goes takes nothing of the other along.
        await backends[0].dispose();
        const { texts, cases } = second.expected;
        const result = await backends[1].embed(texts);
        cases[0].vectors.forEach((vector, row) => nearness.add(result.at(row), vector, "after the other"));
        return nearness.figure();
      } finally {
        await Promise.all(backends.map((backend) => backend.dispose()));
      }
    });
  }
}
