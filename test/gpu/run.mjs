// npm run test:gpu [-- --device cuda|cuda:N|metal|cpu] [--only parity,memory,...] [--batches 10000]
//
// Looks on a real device whether models compute there what they should, and whether the program survives what a device does to
// it. Needs Node and built files, no package: scripts/gpu/carry.sh makes an archive that runs where there is no registry.
// `--device cpu` runs the same without a GPU. Ends with code 1 where something is wrong, with 3 where there is no GPU.
import { createRequire } from "node:module";
import { parseArgs } from "node:util";

import { batches } from "./checks/batches.mjs";
import { exits } from "./checks/exits.mjs";
import { faults } from "./checks/faults.mjs";
import { memory } from "./checks/memory.mjs";
import { models } from "./checks/models.mjs";
import { parity } from "./checks/parity.mjs";
import { deviceReport } from "./device.mjs";
import { Results } from "./results.mjs";

const checks = { parity, batches, models, memory, exits, faults };

const { values } = parseArgs({
  options: {
    device: { type: "string" },
    only: { type: "string" },
    batches: { type: "string", default: "10000" },
  },
});
const wanted = values.only?.split(",") ?? Object.keys(checks);
const unknown = wanted.filter((name) => !Object.hasOwn(checks, name));
if (unknown.length > 0) {
  console.error(`no check ${unknown.join(", ")}: there are ${Object.keys(checks).join(", ")}`);
  process.exit(2);
}

const { NativeBackend } = createRequire(import.meta.url)("../../dist/index.js");
const report = await deviceReport(values.device);
if (report.reason !== undefined) {
  console.error(`no GPU to test: ${report.reason} (--device cpu runs the same on the CPU)`);
  process.exit(3);
}
const { device, name, dtypes } = report;
console.log(`${name} (${device}): ${dtypes.join(", ")}; Node ${process.versions.node}\n`);

const results = new Results();
for (const check of wanted) {
  await checks[check]({ NativeBackend, device, dtypes, batches: Number(values.batches), results });
}
console.log(`\n${results.summary}`);
process.exitCode = results.failed === 0 ? 0 : 1;
