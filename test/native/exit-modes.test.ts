import { expect, it } from "vitest";

import { finished, startNode } from "./support.js";

const start = `
  import { NativeBackend } from "candle-embed";
  const backend = await NativeBackend.load();
  const texts = Array(3000).fill("a text that keeps the engine busy for a while");
`;
const startWorking = `${start}
  const running = backend.embed(texts);
  const waiting = backend.embed(texts);
  running.catch(() => {});
  waiting.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 50));
`;

/** How a program ends: with an exit code and without a signal, in short whether Node itself ended it. */
const endings: [name: string, program: string, code: number, stdout: string][] = [
  ["idle: by itself", `${start} console.log((await backend.embed("a")).count);`, 0, "1\n"],
  ["idle and never used: by itself", start, 0, ""],
  [
    "with a load under way: by itself, after it",
    `import { NativeBackend } from "candle-embed"; NativeBackend.load().then((backend) => console.log(backend.dimensions));`,
    0,
    "384\n",
  ],
  ["after dispose: by itself", `${start} await backend.embed("a"); await backend.dispose();`, 0, ""],
  ["with work under way: process.exit", `${startWorking} process.exit(7);`, 7, ""],
  [
    "in a load: process.exit",
    `import { NativeBackend } from "candle-embed"; void NativeBackend.load(); process.exit(3);`,
    3,
    "",
  ],
  ["with work under way: an uncaught error", `${startWorking} throw new Error("boom");`, 1, ""],
  [
    "with work under way: dispose, then by itself",
    `${startWorking} await backend.dispose(); console.log("disposed");`,
    0,
    "disposed\n",
  ],
  [
    "with work under way: dispose without waiting, then process.exit",
    `${startWorking} void backend.dispose(); process.exit(5);`,
    5,
    "",
  ],
  [
    "two models with work under way: process.exit",
    `${startWorking} const second = await NativeBackend.load(); void second.embed(texts); process.exit(0);`,
    0,
    "",
  ],
];

it.each(endings)("%s", async (_name, program, code, stdout) => {
  const end = await finished(startNode(program));
  expect(end).toMatchObject({ code, signal: null, stdout });
});

it("SIGTERM with work under way: as any Node program", async () => {
  const child = startNode(`${startWorking} console.log("working"); await waiting;`);
  child.stdout?.once("data", () => child.kill("SIGTERM"));
  expect(await finished(child)).toMatchObject({ code: null, signal: "SIGTERM" });
});

it("SIGTERM with a handler that disposes: with the handler's code", async () => {
  const child = startNode(`${startWorking}
    process.on("SIGTERM", () => void backend.dispose().then(() => process.exit(0)));
    console.log("working");
    await waiting.catch((error) => console.log(error.code));
  `);
  child.stdout?.once("data", () => child.kill("SIGTERM"));
  expect(await finished(child)).toMatchObject({ code: 0, signal: null, stdout: "working\nDISPOSED\n" });
});
