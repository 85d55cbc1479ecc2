// The programs that consumers run: the README's, in the ways that it can be written.
import { readFileSync } from "node:fs";
import path from "node:path";

import { root } from "../../scripts/release/packages.mjs";

/** The first program of the README, which ends with the passages found. */
export const readme = /```ts run\n(.*?)```/s.exec(readFileSync(path.join(root, "README.md"), "utf8"))[1];

/** A program with `require` instead of `import`. */
export function toCommonJs(program) {
  const imports = [];
  const rest = program.replace(/^import (\{.*?\}) from "(.*?)";\n/gm, (_, names, name) => {
    imports.push(`const ${names.replaceAll(" as ", ": ")} = require("${name}");\n`);
    return "";
  });
  return `${imports.join("")}(async () => {\n${rest}})();\n`;
}

/** The same with `require`. */
export const commonjs = toCommonJs(readme);

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
