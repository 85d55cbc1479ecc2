#!/usr/bin/env node
import { run } from "./run.js";

void run(process.argv.slice(2)).then((exitCode) => {
  // Not process.exit: what is still in the pipes goes out first.
  process.exitCode = exitCode;
});
