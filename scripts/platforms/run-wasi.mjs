// Runs a WASI program in Node, as cargo's runner for tests:  node run-wasi.mjs PROGRAM.wasm [ARGUMENT...]
import { readFileSync } from "node:fs";
import { argv, env, exit } from "node:process";
import { WASI } from "node:wasi";

const [program, ...args] = argv.slice(2);
const wasi = new WASI({ version: "preview1", args: [program, ...args], env, preopens: { "/": "/" } });
const module = new WebAssembly.Module(readFileSync(program));
exit(wasi.start(new WebAssembly.Instance(module, wasi.getImportObject())));
