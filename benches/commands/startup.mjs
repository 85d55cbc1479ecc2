import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

import { RunningEngine } from "../lib/engine.mjs";
import { benches, python, root } from "../lib/paths.mjs";
import { header, origin, table, write } from "../lib/report.mjs";
import { summary } from "../lib/stats.mjs";
import { prepare } from "../lib/workloads.mjs";

const TEXT = "A man is playing a guitar.";

/** Programs that print one component of the vector of one text, as a user would write them in one file. */
function programs(model, threads, limit) {
  const text = JSON.stringify(TEXT);
  const folder = (name) => JSON.stringify(path.join(model.onnx, name));
  const node = (cwd, code) => ({ command: process.execPath, args: ["-e", code], cwd });
  const module = (cwd, code) => ({
    command: process.execPath,
    args: ["--input-type=module", "-e", code],
    cwd,
  });
  const candle = (target) =>
    node(
      root,
      `const { NativeBackend } = require("candle-embed");
       NativeBackend.load(${target}, { threads: ${threads} }).then((backend) => backend.embed(${text})).then(({ data }) => console.log(data[0]));`,
    );
  const onnxruntime = (graph) =>
    module(
      benches,
      `import { readFileSync } from "node:fs";
       import { Tokenizer } from "@huggingface/tokenizers";
       import ort from "onnxruntime-node";
       const read = (name) => JSON.parse(readFileSync(${folder("transformers-js/")} + name, "utf8"));
       const tokenizer = new Tokenizer(read("tokenizer.json"), read("tokenizer_config.json"));
       const session = await ort.InferenceSession.create(${folder(`graphs/${graph}.onnx`)}, { intraOpNumThreads: ${threads} });
       const { ids } = tokenizer.encode(${text});
       const tensor = (values) => new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [1, ids.length]);
       const { sentence_embedding } = await session.run({
         input_ids: tensor(ids),
         attention_mask: tensor(ids.map(() => 1)),
         token_type_ids: tensor(ids.map(() => 0)),
       });
       console.log(sentence_embedding.data[0]);`,
    );
  const transformers = (dtype) =>
    module(
      benches,
      `import { env, pipeline } from "@huggingface/transformers";
       env.allowRemoteModels = false;
       env.localModelPath = ${folder("")};
       const extractor = await pipeline("feature-extraction", "transformers-js", { dtype: "${dtype}", device: "cpu" });
       console.log((await extractor(${text}, { pooling: "mean", normalize: true })).data[0]);
       process.exit(0);`,
    );
  return {
    "candle-embed-f32": candle(JSON.stringify(model.f32)),
    "candle-embed-int8": candle(JSON.stringify(model.int8)),
    "onnxruntime-f32": onnxruntime("f32"),
    "onnxruntime-int8-tensor": onnxruntime("int8-tensor"),
    "onnxruntime-int8-channel": onnxruntime("int8-channel"),
    "onnxruntime-int8-blocks": onnxruntime("int8-blocks"),
    ...(existsSync(path.join(model.onnx, "graphs/int8-weights.onnx")) && {
      "onnxruntime-int8-weights": onnxruntime("int8-weights"),
    }),
    "transformers-js-f32": transformers("fp32"),
    "transformers-js-q8": transformers("q8"),
    "fastembed-js": node(
      benches,
      `const { EmbeddingModel, FlagEmbedding } = require("fastembed");
       (async () => {
         const model = await FlagEmbedding.init({ model: EmbeddingModel.CUSTOM, modelAbsoluteDirPath: ${folder("fastembed-js")}, modelName: "model.onnx", maxLength: ${limit} });
         console.log((await model.embed([${text}]).next()).value[0][0]);
       })();`,
    ),
    "sentence-transformers": {
      command: python,
      args: [
        "-c",
        `from sentence_transformers import SentenceTransformer\nprint(SentenceTransformer(${JSON.stringify(model.f32)}, device="cpu").encode(${text})[0])`,
      ],
      cwd: benches,
    },
  };
}

/** Milliseconds from the start of a process to what it prints first, and that. */
function firstOutput({ command, args, cwd }) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    let milliseconds;
    let output = "";
    let errors = "";
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, HF_HUB_OFFLINE: "1", CUDA_VISIBLE_DEVICES: "" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.setEncoding("utf8").on("data", (text) => {
      milliseconds ??= performance.now() - start;
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => (errors += text));
    child.once("error", reject);
    child.once("close", () => {
      const value = Number(output.trim().split(/\s+/).at(-1));
      if (milliseconds !== undefined && Number.isFinite(value)) resolve({ milliseconds, value });
      else reject(new Error(`no vector: ${(errors || output).trim().slice(-600)}`));
    });
  });
}

/** The same through the engine's own program, for those that have no program in one line. */
async function firstAnswer(definition, workload, options) {
  const start = performance.now();
  const engine = await RunningEngine.start(definition, options);
  try {
    await engine.give(workload);
    const { wrong } = await engine.embed(workload, definition.standard(options.model));
    if (wrong !== undefined) throw new Error(wrong);
    return { milliseconds: performance.now() - start, value: undefined };
  } finally {
    await engine.close();
  }
}

/**
 * From the start of a process to its first vector, files warm. The operating system's cache is not emptied.
 *
 * @param {object} options see run.mjs
 */
export async function startup(options) {
  const { definitions, model, threads, limit, quick, machine, failures } = options;
  const rounds = options.rounds ?? (quick ? 2 : 10);
  const all = programs(model, threads, limit);
  const workload = prepare("one", [TEXT], { model, limit, samples: 1 });
  const missing = Object.fromEntries(failures);
  const times = {};
  const values = {};
  for (const definition of definitions) {
    const reason = definition.missing?.(model, threads);
    if (reason !== undefined) missing[definition.name] = reason;
  }
  // Round 0 warms the files.
  for (let round = 0; round <= rounds; round++) {
    for (const i of definitions.keys()) {
      const definition = definitions[(i + round) % definitions.length];
      const { name } = definition;
      if (missing[name] !== undefined) continue;
      try {
        const { milliseconds, value } = await (model.name === "minilm" && all[name] !== undefined
          ? firstOutput(all[name])
          : firstAnswer(definition, workload, options));
        values[name] = value;
        if (round > 0) (times[name] ??= []).push(milliseconds);
      } catch (error) {
        missing[name] = error.message;
        console.error(`- ${name} takes no part: ${error.message}`);
      }
    }
  }
  const bare = { command: process.execPath, args: ["-e", "console.log(0)"], cwd: root };
  const node = [];
  for (let round = 0; round < rounds; round++) node.push((await firstOutput(bare)).milliseconds);

  const rows = Object.entries(times).map(([name, list]) => ({
    name,
    ...summary(list),
    component: values[name],
  }));
  const data = {
    ...header("startup", options),
    missing,
    nodeAlone: summary(node),
    engines: rows,
    milliseconds: times,
  };
  const body = [
    "## Start of a process to its first vector (ms), warm files",
    origin(machine, { ...options, model: model.name }),
    table(
      ["engine", "median", "min", "max", "component 0"],
      [...rows]
        .sort((a, b) => a.median - b.median)
        .map((row) => [
          row.name,
          row.median.toFixed(0),
          row.min.toFixed(0),
          row.max.toFixed(0),
          row.component?.toFixed(4) ?? "-",
        ]),
    ),
    "Without a component: the program that the other commands use, with one text.",
    `Node alone that prints a number: ${data.nodeAlone.median.toFixed(0)} ms of it.`,
    ...Object.entries(missing).map(([name, reason]) => `Without ${name}: ${reason}.`),
  ].join("\n\n");
  write(options.out, `startup-${model.name}`, data, body);
}
