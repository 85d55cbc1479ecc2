// The child process that tries a GPU. Whatever a driver does to it, the program that asks lives on. See probe.ts.
import { probeDevice, type AddonName } from "../native.js";
import { messageOf } from "../utils/message-of.js";
import type { ProbeReply } from "./probe.js";

const [device, addon] = process.argv.slice(2) as [string, AddonName];

/** Once the answer is out nothing is waited for, least of all what a driver's libraries do at the end of a process. */
function reply(answer: ProbeReply): void {
  process.send?.(answer, () => process.kill(process.pid, "SIGKILL"));
}

try {
  reply({ report: probeDevice(device, addon) });
} catch (error) {
  reply({ reason: messageOf(error) });
}
