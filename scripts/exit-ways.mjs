// The ways in which a program that uses the addon ends, and how each has to end. test/native/exit-modes.test.ts runs each
// once, scripts/check-exits.mjs those with work pending many times.

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
const killed = { code: null, signal: "SIGTERM" };

/**
 * @typedef {object} ExitWay
 * @property {string} name
 * @property {string} program
 * @property {{ code: number | null, signal: string | null }} end
 * @property {string} [stdout] What it has printed; not looked at where it is missing.
 * @property {"SIGTERM" | "SIGINT"} [kill] The signal that it is sent when it prints for the first time.
 * @property {boolean} pending Whether work is pending when it ends.
 */

const way = (name, program, code, stdout, pending = true) => ({
  name,
  program,
  end: { code, signal: null },
  stdout,
  pending,
});

/** @type {ExitWay[]} */
export const exitWays = [
  way("idle: by itself", `${start} console.log((await backend.embed("a")).count);`, 0, "1\n", false),
  way("idle and never used: by itself", start, 0, "", false),
  way(
    "with a load under way: by itself, after it",
    `import { NativeBackend } from "candle-embed"; NativeBackend.load().then((backend) => console.log(backend.dimensions));`,
    0,
    "384\n",
    false,
  ),
  way(
    "after dispose: by itself",
    `${start} await backend.embed("a"); await backend.dispose();`,
    0,
    "",
    false,
  ),
  way("with work under way: process.exit", `${startWorking} process.exit(7);`, 7, ""),
  way(
    "in a load: process.exit",
    `import { NativeBackend } from "candle-embed"; void NativeBackend.load(); process.exit(3);`,
    3,
    "",
  ),
  way("with work under way: an uncaught error", `${startWorking} throw new Error("boom");`, 1, ""),
  way(
    "with work under way: dispose, then by itself",
    `${startWorking} await backend.dispose(); console.log("disposed");`,
    0,
    "disposed\n",
  ),
  way(
    "with work under way: dispose without waiting, then process.exit",
    `${startWorking} void backend.dispose(); process.exit(5);`,
    5,
    "",
  ),
  way(
    "two models with work under way: process.exit",
    `${startWorking} const second = await NativeBackend.load(); void second.embed(texts); process.exit(0);`,
    0,
    "",
  ),
  {
    name: "SIGTERM with work under way: as any Node program",
    program: `${startWorking} console.log("working"); await waiting;`,
    end: killed,
    kill: "SIGTERM",
    pending: true,
  },
  {
    ...way(
      "SIGTERM with a handler that disposes: with the handler's code",
      `${startWorking}
      process.on("SIGTERM", () => void backend.dispose().then(() => process.exit(0)));
      console.log("working");
      await waiting.catch((error) => console.log(error.code));`,
      0,
      "working\nDISPOSED\n",
    ),
    kill: "SIGTERM",
  },
];
