import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import path from "node:path";

import { detectMachine } from "../native.js";
import type { Finding } from "./finding.js";
import { messageOf } from "./finding.js";

/** How many threads a model gets, and what decides it. */
export function checkThreads(): Finding {
  const name = "threads";
  const machine = cpus().length;
  const variable = process.env["CANDLE_EMBED_THREADS"]?.trim();
  const affinity = readAffinity();
  const quota = readQuota();
  const data = { machine, variable, affinity, quota };
  let threads: number;
  try {
    ({ threads } = detectMachine());
  } catch (error) {
    const advice = "set CANDLE_EMBED_THREADS to a whole number from 1, or unset it";
    return { name, status: "problem", text: messageOf(error), advice, data };
  }
  const allowed = Math.min(affinity ?? machine, quota ?? Infinity);
  const isForced = variable !== undefined && variable !== "";
  const reason = isForced
    ? "CANDLE_EMBED_THREADS"
    : quota !== undefined && quota < (affinity ?? machine)
      ? `a CPU quota of ${String(Number(quota.toFixed(2)))}`
      : affinity !== undefined && affinity < machine
        ? `the CPU affinity`
        : "all CPUs";
  const advice =
    isForced && threads > allowed
      ? `CANDLE_EMBED_THREADS is above the ${String(allowed)} CPUs this process may use: threads will wait for each other`
      : allowed < 1
        ? "the quota is below one CPU: calls stand still for parts of each period; give the container a whole CPU"
        : undefined;
  return {
    name,
    status: advice === undefined ? "ok" : "note",
    text: `${String(threads)} on ${String(machine)} CPUs (${reason})`,
    advice,
    data: { threads, reason, ...data },
  };
}

/** CPUs that this process may run on; `undefined` where the system does not tell. */
function readAffinity(): number | undefined {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(read("/proc/self/status"))?.[1];
  return list?.split(",").reduce((count, range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return count + last - first + 1;
  }, 0);
}

/** CPUs' worth of time that the control groups of this process allow, the least of them. */
function readQuota(): number | undefined {
  const quotas: number[] = [];
  for (const line of read("/proc/self/cgroup").split("\n")) {
    const [, controllers = "", group = "/"] = line.split(":");
    const isUnified = controllers === "";
    if (!isUnified && !controllers.split(",").includes("cpu")) continue;
    const base = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    for (let folder = group; ; folder = path.posix.dirname(folder)) {
      const at = (file: string): string => read(path.posix.join(base, folder, file));
      const [quota, period] = isUnified
        ? at("cpu.max").split(/\s+/)
        : [at("cpu.cfs_quota_us"), at("cpu.cfs_period_us")];
      const share = Number(quota) / Number(period);
      if (share > 0 && Number.isFinite(share)) quotas.push(share);
      if (folder === "/" || folder === ".") break;
    }
  }
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
}
