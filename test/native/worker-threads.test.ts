import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";

import { finished, loadForTests, root, startNode, tinyModel } from "./support.js";

/** Loads a model in the worker and embeds what it is sent. */
const program = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { NativeBackend } = require(${JSON.stringify(root)});
  const loading = NativeBackend.load(workerData);
  parentPort.on("message", async (texts) => {
    const backend = await loading;
    const { data } = await backend.embed(texts);
    parentPort.postMessage(data, [data.buffer]);
  });
`;

function startWorker(model: string): Worker {
  return new Worker(program, { eval: true, workerData: model });
}

async function embedIn(worker: Worker, texts: readonly string[]): Promise<unknown> {
  const answer = once(worker, "message");
  worker.postMessage(texts);
  return (await answer)[0] as unknown;
}

it("several workers and the main thread give the same vectors at the same time", async () => {
  const texts = ["the fox", "is in the river"];
  const here = await loadForTests(tinyModel);
  const workers = Array.from({ length: 4 }, () => startWorker(tinyModel));
  const [expected, ...answers] = await Promise.all([
    here.embed(texts),
    ...workers.map((worker) => embedIn(worker, texts)),
  ]);
  for (const answer of answers) expect(answer).toEqual(expected.data);
  await Promise.all(workers.map((worker) => worker.terminate()));
  expect((await here.embed(texts)).data).toEqual(expected.data);
});

it("workers terminated at any moment take nothing with them", async () => {
  // In a process of its own: a crash would be the failure looked for.
  const { code, signal, stdout, stderr } = await finished(
    startNode(`
      import { Worker } from "node:worker_threads";
      import { setTimeout as sleep } from "node:timers/promises";
      import { NativeBackend } from "candle-embed";
      const model = "all-MiniLM-L6-v2";
      const program = ${JSON.stringify(program)};
      for (const delay of [0, 20, 60, 100, 150, 250]) {
        const worker = new Worker(program, { eval: true, execArgv: [], workerData: model });
        worker.postMessage(Array(2000).fill("a text that keeps the engine busy for a while"));
        await sleep(delay);
        await worker.terminate();
      }
      const backend = await NativeBackend.load();
      console.log((await backend.embed("alive")).count);
    `),
  );
  expect({ code, signal, stdout, stderr }).toEqual({ code: 0, signal: null, stdout: "1\n", stderr: "" });
});

it("a worker that ends by itself lets the process end", async () => {
  const { code, signal, stdout } = await finished(
    startNode(`
      import { Worker } from "node:worker_threads";
      const worker = new Worker(\`
        const { parentPort } = require("node:worker_threads");
        const { NativeBackend } = require(${JSON.stringify(root)});
        NativeBackend.load(${JSON.stringify(tinyModel)})
          .then((backend) => backend.embed("a"))
          .then(({ count }) => parentPort.postMessage(count));
      \`, { eval: true, execArgv: [] });
      worker.on("message", (count) => console.log(count));
    `),
  );
  expect({ code, signal, stdout }).toEqual({ code: 0, signal: null, stdout: "1\n" });
});
