// What Linux says of a process: memory, descriptors, threads, processor time.
import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks a second: 100 on every Linux that Node runs on. */
const TICKS = 100;

/** @param {number} pid */
export function processState(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return {
    rss: field("VmRSS") * 1024,
    peak: field("VmHWM") * 1024,
    threads: field("Threads"),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    cpuSeconds: cpuSeconds(pid),
  };
}

/** User and system time of all threads. */
function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The program's name may hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** The slope of values over time by least squares. @param {readonly { at: number, value: number }[]} points */
export function slope(points) {
  const mean = (pick) => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [at, value] = [mean((point) => point.at), mean((point) => point.value)];
  const both = points.reduce((sum, point) => sum + (point.at - at) * (point.value - value), 0);
  return both / points.reduce((sum, point) => sum + (point.at - at) ** 2, 0);
}
