// What the scripts that get things with pip share.
import { spawn } from "node:child_process";

const LIMIT_MS = 15 * 60_000;

/** The name of a Python that has pip. */
export async function findPython() {
  for (const python of ["python3", "python"]) {
    try {
      await run(python, ["-m", "pip", "--version"]);
      return python;
    } catch {
      // try the next name
    }
  }
  throw new Error("no Python with pip");
}

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
      const last =
        stderr
          .trim()
          .split("\n")
          .findLast((line) => /error/i.test(line)) ?? stderr.trim().split("\n").at(-1);
      reject(new Error(last || `${command} ended with ${code ?? signal}`));
    });
  });
}
