// Running programs to their end, for the scripts that get what tests need.
import { spawn } from "node:child_process";

const LIMIT_MS = 15 * 60_000;

/** Runs a program to its end; fails with the last line on its stderr that speaks of an error. */
export function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
    // Not spawn's own `timeout`: Node keeps that timer, and so the process, alive where the command does not exist.
    const timer = setTimeout(() => child.kill(), LIMIT_MS);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr = (stderr + text).slice(-4000)));
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve();
      const lines = stderr.trim().split("\n");
      // npm's last line only says where its log lies.
      const last =
        lines.findLast((line) => /error/i.test(line) && !/complete log/.test(line)) ?? lines.at(-1);
      reject(new Error(last || `${command} ended with ${code ?? signal}`));
    });
  });
}

/** Why something cannot be had, in one line. */
export function toReason(what, error) {
  const message = String(error?.message ?? error).replace(/\s+/g, " ");
  return `no ${what} (${message.trim().slice(0, 300)})`;
}
