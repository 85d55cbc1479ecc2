#!/usr/bin/env node
import { run } from "./run.js";

/** The signals behind the exit codes of a run that was stopped. */
const signals: ReadonlyMap<number, NodeJS.Signals> = new Map([
  [130, "SIGINT"],
  [143, "SIGTERM"],
]);

void run(process.argv.slice(2)).then((exitCode) => {
  // Not process.exit: what is still in the pipes goes out first.
  process.exitCode = exitCode;
  const signal = signals.get(exitCode);
  if (signal === undefined) return;
  // What cannot be cancelled still runs, and process.exit would wait for it too. The signal, no longer watched for, does
  // not; a shell sees the same code. Without such work the process ends before this timer, which holds nothing up.
  setTimeout(() => process.kill(process.pid, signal), 500).unref();
});
