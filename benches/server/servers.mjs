// The servers, each as its own documentation starts it, with the same model and the same number of threads.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import path from "node:path";

import { cache, python, root } from "../lib/paths.mjs";
import { peerVersions, pythonVersions } from "./versions.mjs";

const rivals = path.join(import.meta.dirname, "rivals");
const infinity = path.join(cache, "venv-infinity", "bin");

/**
 * @typedef {import("../lib/models.mjs").Model} Model
 *
 * @typedef {object} ServerDefinition
 * @property {string} name
 * @property {string} label what it is and how it was started
 * @property {string} path of its embeddings route
 * @property {string} ready a route that answers 200 when it can embed
 * @property {string} [models] a route that lists its models, where it wants their names
 * @property {number} minCosine of its vectors to the reference
 * @property {boolean} [base64] whether `encoding_format` is known
 * @property {() => Record<string, string>} [versions] of what it is made of, where that is not candle-embed
 * @property {(options: { model: Model, port: number, threads: number }) => { command: string, args: string[], env?: Record<string, string>, cwd?: string }} start
 */

/** @param {"int8" | "float32"} dtype @returns {ServerDefinition} */
export const candleEmbed = (dtype, args = []) => ({
  name: `candle-embed-${dtype === "int8" ? "int8" : "f32"}`,
  label: `candle-embed serve${dtype === "int8" ? "" : " --model FOLDER"}`,
  path: "/v1/embeddings",
  ready: "/ready",
  models: "/v1/models",
  minCosine: dtype === "int8" ? 0.99 : 0.9999,
  base64: true,
  start: ({ model, port, threads }) => ({
    command: process.execPath,
    args: [
      ...[
        path.join(root, "dist", "cli", "main.js"),
        "serve",
        "--port",
        String(port),
        "--threads",
        String(threads),
      ],
      ...(dtype === "int8" ? [] : ["--model", model.f32]),
      ...args,
    ],
  }),
});

/** @type {ServerDefinition} */
const infinityTorch = {
  name: "infinity-torch",
  versions: () => pythonVersions(path.join(infinity, "python"), ["infinity-emb", "torch", "transformers"]),
  label:
    "infinity_emb v2 --engine torch --device cpu (its default batching, BetterTransformer where it has it)",
  path: "/embeddings",
  ready: "/health",
  minCosine: 0.999,
  base64: true,
  start: ({ model, port, threads }) => ({
    command: path.join(infinity, "infinity_emb"),
    args: [
      ...[
        "v2",
        "--model-id",
        model.f32,
        "--served-model-name",
        "model",
        "--engine",
        "torch",
        "--device",
        "cpu",
      ],
      ...["--host", "127.0.0.1", "--port", String(port), "--log-level", "error"],
    ],
    env: { HF_HUB_OFFLINE: "1", DO_NOT_TRACK: "1", OMP_NUM_THREADS: String(threads) },
  }),
};

/** @type {ServerDefinition} */
const fastApi = {
  name: "sentence-transformers-fastapi",
  versions: () => pythonVersions(python, ["sentence-transformers", "torch", "fastapi", "uvicorn"]),
  label: "sentence-transformers behind FastAPI and uvicorn",
  path: "/v1/embeddings",
  ready: "/health",
  minCosine: 0.9999,
  start: ({ model, port, threads }) => ({
    command: python,
    args: [
      ...["-m", "uvicorn", "fastapi_server:app", "--host", "127.0.0.1", "--port", String(port)],
      "--no-access-log",
    ],
    cwd: rivals,
    env: { MODEL: model.f32, THREADS: String(threads) },
  }),
};

/** @param {"fp32" | "q8"} dtype @returns {ServerDefinition} */
const transformersJs = (dtype) => ({
  name: `transformers-js-${dtype === "fp32" ? "f32" : "q8"}`,
  versions: () => peerVersions(["@huggingface/transformers", "onnxruntime-node"]),
  label: `transformers.js (${dtype}) behind node:http`,
  path: "/v1/embeddings",
  ready: "/health",
  minCosine: dtype === "fp32" ? 0.999 : 0.6,
  start: ({ model, port, threads }) => ({
    command: process.execPath,
    args: [path.join(rivals, "transformers-js-server.mjs")],
    env: {
      MODEL: path.join(model.onnx, "transformers-js"),
      THREADS: String(threads),
      DTYPE: dtype,
      PORT: String(port),
    },
  }),
});

/** @type {ServerDefinition} */
export const nothing = {
  name: "nothing",
  versions: () => ({}),
  label: "node:http with an answer of zeros",
  path: "/v1/embeddings",
  ready: "/health",
  minCosine: -1,
  base64: true,
  start: ({ port }) => ({
    command: process.execPath,
    args: [path.join(rivals, "nothing.mjs")],
    env: { PORT: String(port) },
  }),
};

/** @type {readonly ServerDefinition[]} */
export const servers = [
  candleEmbed("int8"),
  candleEmbed("float32"),
  infinityTorch,
  fastApi,
  transformersJs("fp32"),
  transformersJs("q8"),
];

/** A server that was started and is ready. */
export class RunningServer {
  /** @param {ServerDefinition} definition @param {number} port @param {import("node:child_process").ChildProcess} child */
  constructor(definition, port, child) {
    this.definition = definition;
    this.name = definition.name;
    this.port = port;
    this.child = child;
    this.pid = /** @type {number} */ (child.pid);
    this.exited = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  }

  /**
   * @param {ServerDefinition} definition
   * @param {{ model: Model, threads: number, port?: number }} options
   */
  static async start(definition, { model, threads, port }) {
    port ??= await freePort();
    const { command, args, env, cwd } = definition.start({ model, port, threads });
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (errors = (errors + text).slice(-4000)));
    const ended = new Promise((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => reject(new Error(`ended (${code ?? signal}): ${errors.trim()}`)));
    });
    ended.catch(() => {});
    const server = new RunningServer(definition, port, child);
    try {
      await Promise.race([ended, server.#untilReady()]);
      return server;
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  async #untilReady() {
    const url = `http://127.0.0.1:${this.port}${this.definition.ready}`;
    for (let waited = 0; waited < 120_000; waited += 100) {
      const ok = await fetch(url).then(
        (response) => response.ok,
        () => false,
      );
      if (ok) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error("not ready after two minutes");
  }

  async close() {
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 10_000);
    await this.exited;
    clearTimeout(timer);
  }
}

/** A port nobody listens on, as far as one can know beforehand. @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
      .once("error", reject)
      .listen(0, "127.0.0.1", () => {
        const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
        server.close(() => resolve(port));
      });
  });
}
