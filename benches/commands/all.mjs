import { latency } from "./latency.mjs";
import { memory } from "./memory.mjs";
import { micro } from "./micro.mjs";
import { report } from "./report.mjs";
import { scaling } from "./scaling.mjs";
import { size } from "./size.mjs";
import { startup } from "./startup.mjs";
import { steady } from "./steady.mjs";
import { throughput } from "./throughput.mjs";

/** Cut so that all of it ends within 25 minutes on two cores; each command alone measures longer. */
const PLAN = [
  [throughput, { tokens: 6_000, turn: 5, rounds: 3 }],
  [latency, { rounds: 2 }],
  [memory, { turn: 15, rounds: 1 }],
  [startup, { rounds: 2 }],
  [steady, { turn: 15 }],
  [size, {}],
  [micro, {}],
  [scaling, { rounds: 1 }],
];

/**
 * Every command on one model, then the page.
 *
 * @param {object} options see run.mjs; what the user chose stands above the plan
 */
export async function all(options) {
  const start = performance.now();
  const chosen = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  for (const [command, plan] of PLAN) {
    if (command === scaling && options.model.name === "static") continue;
    await command({ ...plan, ...chosen });
    console.error(`- after ${((performance.now() - start) / 60_000).toFixed(1)} minutes: ${command.name} is done`);
  }
  report(options);
}
