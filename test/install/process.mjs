// Running programs to their end.
import { spawn } from "node:child_process";
import { createServer } from "node:net";

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, timeoutMs?: number }} [options] env: besides this
 *   process's own; `undefined` takes one away.
 * @returns {Promise<string>} Its standard output. Rejects with the end of what it said where it fails.
 */
export function run(command, args, { cwd, env = {}, timeoutMs = 300_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      // npm and npx are batch files there, which only a shell runs.
      shell: process.platform === "win32" && !/[\\/]/.test(command),
    });
    let stdout = "";
    let all = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
      all += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => (all += text));
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(stdout);
      reject(
        new Error(`${command} ${args.join(" ")}: ended with ${signal ?? code}\n${all.trim().slice(-3000)}`),
      );
    });
  });
}

/** A port of this machine that nobody listens at. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/**
 * Starts a server and waits until it prints its address.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env?: Record<string, string | undefined> }} options
 */
export async function startServer(command, args, { cwd, env = {} }) {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill();
    await ended;
  };
  let output = "";
  const url = new Promise((resolve, reject) => {
    const look = (text) => {
      output += text;
      const found = /http:\/\/[\w.]+:\d+/.exec(output);
      if (found) resolve(found[0]);
    };
    child.stdout.setEncoding("utf8").on("data", look);
    child.stderr.setEncoding("utf8").on("data", look);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`${command} ended with ${code}\n${output.slice(-2000)}`)));
    setTimeout(
      () => reject(new Error(`${command} printed no address in 60 s\n${output.slice(-2000)}`)),
      60_000,
    ).unref();
  });
  try {
    return { url: await url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
