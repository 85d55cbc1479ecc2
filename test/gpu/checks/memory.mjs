// Memory of the device over many batches.
import { execFileSync } from "node:child_process";

import { tinyModels } from "../vectors.mjs";

/** An allocator takes memory in blocks: a leak of 100 bytes a batch would be past this in 10,000. */
const mostGrowth = 8 << 20;

/** @param {{ NativeBackend: any, device: string, dtypes: string[], batches: number, results: import("../results.mjs").Results }} suite */
export async function memory({ NativeBackend, device, batches, results }) {
  const { folder, expected } = tinyModels().find(({ name }) => name === "tiny-bert-mean");
  await results.check(`memory over ${batches} batches`, async () => {
    const backend = await NativeBackend.load(folder, { device });
    const work = async (count) => {
      for (let i = 0; i < count; i++) {
        // Batches of all sizes, so that buffers of all sizes are asked for.
        await backend.embed(expected.texts.slice(0, 1 + (i % expected.texts.length)));
      }
    };
    try {
      await work(Math.ceil(batches / 10));
      const before = usedMemory(device);
      await work(Math.floor((batches * 9) / 10));
      const after = usedMemory(device);
      const growth = after.bytes - before.bytes;
      const figure = `${(growth / 2 ** 20).toFixed(1)} MiB more ${after.of}`;
      if (growth > mostGrowth) throw new Error(`${figure}; the limit is ${mostGrowth / 2 ** 20} MiB`);
      return figure;
    } finally {
      await backend.dispose();
    }
  });
  await results.check("memory after 20 loads and disposals", async () => {
    const cycle = async () => {
      const backend = await NativeBackend.load(folder, { device });
      await backend.embed(expected.texts);
      await backend.dispose();
    };
    for (let i = 0; i < 5; i++) await cycle();
    const before = usedMemory(device);
    for (let i = 0; i < 20; i++) await cycle();
    const after = usedMemory(device);
    const growth = after.bytes - before.bytes;
    const figure = `${(growth / 2 ** 20).toFixed(1)} MiB more ${after.of}`;
    if (growth > mostGrowth) throw new Error(`${figure}; the limit is ${mostGrowth / 2 ** 20} MiB`);
    return figure;
  });
}

/** Of the whole GPU, where NVIDIA's tool says it: nobody else should be using it. Elsewhere of this process. */
function usedMemory(device) {
  if (!device.startsWith("cuda")) return { bytes: process.memoryUsage().rss, of: "in this process" };
  const index = /\d+/.exec(device)?.[0] ?? "0";
  const args = ["--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id", index];
  const mebibytes = Number(execFileSync("nvidia-smi", args, { encoding: "utf8" }));
  return { bytes: mebibytes * 2 ** 20, of: "on the GPU" };
}
