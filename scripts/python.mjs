// What the scripts that get things with pip share.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { access, mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

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

/**
 * A Python and a folder for its PYTHONPATH with these packages, or why there is none. Installs into `.cache/` where it is
 * missing; safe to call from several processes at once.
 *
 * @param {string} name of the folder
 * @param {string[]} requirements as pip takes them, with versions
 * @returns {Promise<{ python: string, path: string, reason?: undefined } | { path?: undefined, reason: string }>}
 */
export async function getPackages(name, requirements) {
  const cache = fileURLToPath(new URL("../.cache", import.meta.url));
  const target = path.join(cache, name);
  const scratch = path.join(cache, `.partial-${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    const python = await findPython();
    if (!(await exists(target))) {
      await mkdir(cache, { recursive: true });
      await run(python, [
        ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"],
        ...["--target", scratch, ...requirements],
      ]);
      // Where a parallel run was faster, its folder stays.
      await rename(scratch, target).catch(async (error) => {
        if (!(await exists(target))) throw error;
      });
    }
    return { python, path: target };
  } catch (error) {
    const message = String(error?.message ?? error).replace(/\s+/g, " ");
    return {
      reason: `no ${requirements.join(", ").replaceAll("==", " ")} (${message.trim().slice(0, 300)})`,
    };
  } finally {
    await rm(scratch, { recursive: true, force: true }).catch(() => {});
  }
}

const exists = (file) =>
  access(file).then(
    () => true,
    () => false,
  );
