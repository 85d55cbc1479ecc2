import { fork } from "node:child_process";
import path from "node:path";

import type { AddonName, NativeDeviceReport } from "../native.js";

/** What trying a GPU gave: what it is, or why it cannot be used. */
export type ProbeReply =
  | { readonly report: NativeDeviceReport; readonly reason?: undefined }
  | { readonly report?: undefined; readonly reason: string };

/** A driver makes machine code of an addon's kernels when it first sees them: seconds, on a busy machine many. */
const limitSeconds = 60;

/**
 * Set in the child. Where a child is not what is expected here, but the whole program once more (a program bundled with its
 * Node, Electron without `runAsNode`), it is not to start a third.
 */
const marker = "CANDLE_EMBED_GPU_PROBE";

const known = new Map<string, Promise<ProbeReply>>();

/**
 * Tries a device in a process of its own, once a thread: a crash, a driver that hangs and a library that is not there are
 * answers like others.
 */
export function probe(device: string, addon: AddonName): Promise<ProbeReply> {
  const before = known.get(device);
  if (before !== undefined) return before;
  const reply = startProbe(device, addon);
  known.set(device, reply);
  return reply;
}

async function startProbe(device: string, addon: AddonName): Promise<ProbeReply> {
  if (process.env[marker] !== undefined) return { reason: "this process was started to try a GPU" };
  if (!canStartNode()) {
    return { reason: `trying it takes a process of Node, and ${process.execPath} is a program of its own` };
  }
  return new Promise((resolve) => {
    const child = fork(path.join(__dirname, "probe-process.js"), [device, addon], {
      env: { ...process.env, NODE_OPTIONS: withoutInspector(process.env["NODE_OPTIONS"]), [marker]: "1" },
      execArgv: loaders(process.execArgv),
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let answer: ProbeReply | undefined;
    let said = "";
    let late = false;
    const kill = (): void => void child.kill("SIGKILL");
    const timer = setTimeout(() => {
      late = true;
      kill();
    }, limitSeconds * 1000);
    process.once("exit", kill);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2000)));
    child.once("message", (message) => (answer = message as ProbeReply));
    const end = (reason: string): void => {
      clearTimeout(timer);
      process.removeListener("exit", kill);
      resolve(answer ?? { reason });
    };
    child.once("error", (error) => end(`no process could be started to try it: ${error.message}`));
    child.once("close", (code, signal) => {
      const how = late
        ? `did not answer within ${String(limitSeconds)} s`
        : `ended with ${signal ?? `code ${String(code)}`}`;
      end(`the process that tried it ${how}${lastWords(said)}`);
    });
  });
}

/** Whether this program's own file runs scripts. Electron does so for `fork`. */
function canStartNode(): boolean {
  return (
    process.versions["electron"] !== undefined || /^(?:node|bun|deno)/i.test(path.basename(process.execPath))
  );
}

/** Of the flags of this process those that modules are found by, as Yarn's Plug'n'Play; a debugger or `--eval` is its own. */
function loaders(flags: readonly string[]): string[] {
  const names = ["-r", "--require", "--import", "--loader", "--experimental-loader"];
  return flags.flatMap((flag, index) => {
    if (names.includes(flag)) return [flag, flags[index + 1] ?? ""];
    return names.some((name) => flag.startsWith(`${name}=`)) ? [flag] : [];
  });
}

/** What a process said last, but for the stack traces that Node adds. */
function lastWords(said: string): string {
  const lines = said.split("\n").map((line) => line.trim());
  const last = lines.findLast((line) => line !== "" && !/^(?:at |\d+: |-{3}|Node\.js v)/.test(line));
  return last === undefined ? "" : ` (${last.slice(0, 200)})`;
}

/** A debugger's port is taken by this process, and `--inspect-brk` would wait for somebody. */
function withoutInspector(options: string | undefined): string {
  return (options ?? "").replace(/(?:^|\s)--inspect\S*/g, "");
}
