import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A child that answers each line of JSON on its stdin with a line of JSON on its stdout. */
export class LineProcess {
  /** @type {import("node:child_process").ChildProcess} */
  #child;
  /** @type {{ resolve: (answer: any) => void, reject: (error: Error) => void } | undefined} */
  #waiting;
  #errors = "";
  #exited;

  /**
   * @param {string} command
   * @param {string[]} args
   * @param {{ cwd?: string, env?: Record<string, string> }} [options]
   */
  constructor(command, args, { cwd, env } = {}) {
    this.#child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      // Libraries print things of their own.
      if (!line.startsWith("{")) return;
      const waiting = this.#waiting;
      this.#waiting = undefined;
      const answer = JSON.parse(line);
      if (answer.error === undefined) waiting?.resolve(answer);
      else waiting?.reject(new Error(answer.error));
    });
    this.#exited = new Promise((resolve) => {
      const end = (reason) => {
        this.#waiting?.reject(new Error(`${command} ended (${reason}): ${this.#errors.trim().slice(-1000)}`));
        this.#waiting = undefined;
        resolve(undefined);
      };
      this.#child.once("error", (error) => end(error.message));
      this.#child.once("close", (code, signal) => end(code ?? signal));
    });
    this.#child.stdin.on("error", () => {});
  }

  /**
   * @param {object} request
   * @param {number} [seconds] after which the process counts as hanging and is killed
   * @returns {Promise<any>}
   */
  ask(request, seconds = 300) {
    if (this.#child.exitCode !== null) return Promise.reject(new Error("the process has ended"));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = undefined;
        this.#child.kill("SIGKILL");
        reject(new Error(`no answer to ${JSON.stringify(request).slice(0, 60)} within ${seconds} s`));
      }, seconds * 1000);
      const settle = (end) => (value) => {
        clearTimeout(timer);
        end(value);
      };
      this.#waiting = { resolve: settle(resolve), reject: settle(reject) };
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  /** Ends the process and waits for it. */
  async close() {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await this.#exited;
    clearTimeout(timer);
  }
}
