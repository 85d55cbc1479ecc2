import { execFile } from "node:child_process";

/** How a program of the system ended. */
export interface ProgramResult {
  readonly exitCode: number;
  /** What it printed, on both streams, without the space around it. */
  readonly output: string;
}

/** No service manager takes that long; one that waits for a password would wait for ever. */
const TIMEOUT_MS = 60_000;

/** Runs a program to its end. `undefined`: it is not on this machine. */
export function runProgram(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<ProgramResult | undefined> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { signal, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`.trim();
      if (error === null) resolve({ exitCode: 0, output });
      else if (error.code === "ENOENT") resolve(undefined);
      else if (typeof error.code === "number") resolve({ exitCode: error.code, output });
      // Stopped: by the signal, or after the time it had.
      else reject(new Error(`${program} did not end by itself`, { cause: error }));
    });
  });
}
