import { CandleEmbedError } from "../../errors.js";
import { isKey, keyForm } from "./api-options.js";

/** A password manager may wait for a fingerprint, but not for ever. */
const longestRunMs = 10_000;

/** More than a key can be. */
const mostOutputBytes = 64 * 1024;

/**
 * The key that a program prints, without the line end. The program runs without a shell. Its arguments and what it prints
 * stay out of the errors: both may be secret.
 *
 * @throws CandleEmbedError `API_KEY_COMMAND_FAILED`
 */
export async function runKeyCommand(command: readonly string[], timeoutMs = longestRunMs): Promise<string> {
  const { execFile } = await import("node:child_process");
  const [program = "", ...args] = command;
  const options = { timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: mostOutputBytes } as const;
  return new Promise((resolve, reject) => {
    const failed = (why: string): void => {
      reject(new CandleEmbedError("API_KEY_COMMAND_FAILED", `the key command ${program} ${why}`));
    };
    const child = execFile(program, args, { ...options, windowsHide: true }, (error, stdout) => {
      if (error !== null) {
        failed(reason(error, timeoutMs));
        return;
      }
      const key = stdout.replace(/\r?\n$/, "");
      if (key === "") failed("printed nothing");
      else if (!isKey(key)) failed(`must print ${keyForm}`);
      else resolve(key);
    });
    // A program that asks gets no answer, instead of the terminal of this process.
    child.stdin?.on("error", () => undefined).end();
  });
}

function reason(
  error: Error & { code?: unknown; killed?: boolean; signal?: unknown },
  timeoutMs: number,
): string {
  if (error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") return "printed more than 64 KB";
  if (error.killed === true) return `did not end within ${String(timeoutMs / 1000)} s`;
  if (typeof error.signal === "string") return `was ended by ${error.signal}`;
  if (typeof error.code === "number") return `ended with code ${String(error.code)}`;
  return `could not be started (${String(error.code)})`;
}
