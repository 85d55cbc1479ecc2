// The programs that consumers run: the README's, in the ways that it can be written.
import { readFileSync } from "node:fs";
import path from "node:path";

import { root } from "../../scripts/release/packages.mjs";

/** The first program of the README, which ends with the passages found. */
export const readme = /```ts\n(.*?)```/s.exec(readFileSync(path.join(root, "README.md"), "utf8"))[1];

/** The same with `require`. */
export const commonjs = readme
  .replace(/^import (\{.*?\}) from "(.*?)";$/m, 'const $1 = require("$2");\n(async () => {')
  .concat("})();\n");

/** The same with WebAssembly's backend. */
export const wasm = readme
  .replaceAll("NativeBackend", "WasmBackend")
  .replace('"candle-embed"', '"@candle-embed/wasm"');

/** What its first line must be. */
export const answer = /^0\.\d{3} Shipping takes three days\.$/m;

/** Fails where an output is not that of the program. */
export function checkAnswer(output) {
  if (!answer.test(output)) throw new Error(`it printed: ${output.trim().slice(0, 2000)}`);
}

/** What a program says that loads the model where there is no addon. */
export const loadFails = `
import { NativeBackend } from "candle-embed";
await NativeBackend.load().then(
  () => console.log("loaded"),
  ({ code, message }) => console.log(code + ": " + message),
);
`;
