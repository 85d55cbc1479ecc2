// The child process that tries a GPU. Whatever a driver does to it, the program that asks lives on. See probe.ts.
import { probeDevice, type AddonName } from "../native.js";
import type { ProbeReply } from "./probe.js";

const [device, addon] = process.argv.slice(2) as [string, AddonName];

/** Ends once the answer is out, with code 0 and without running what the driver's libraries have for exits. */
function reply(answer: ProbeReply): void {
  process.send?.(answer, () => process.exit());
}

try {
  reply({ report: probeDevice(device, addon) });
} catch (error) {
  reply({ reason: error instanceof Error ? error.message : String(error) });
}
