// Servers that the user runs: each by the address in an environment variable.
import { BATCHES, node } from "./definition.mjs";

/** @returns {import("./definition.mjs").EngineDefinition} */
function server(name, variable, howTo) {
  const url = process.env[variable];
  const model = process.env[`${variable}_MODEL`] ?? "all-minilm";
  return {
    name,
    dtype: "float32",
    from: "HTTP",
    // TEI computes GELU by its tanh approximation, Ollama's weights are float16.
    minCosine: 0.99,
    models: ["minilm"],
    start: node("openai-api.mjs"),
    model: () => url ?? "",
    standard: () => ({ model, batch: 32, sorted: false }),
    settings: () => ({ choices: [{ model }], batches: BATCHES }),
    missing: () => (url === undefined ? howTo : undefined),
  };
}

/** @type {readonly import("./definition.mjs").EngineDefinition[]} */
export const engines = [
  server(
    "text-embeddings-inference",
    "BENCH_TEI_URL",
    "start it with `--model-id sentence-transformers/all-MiniLM-L6-v2` and set BENCH_TEI_URL=http://localhost:8080/v1",
  ),
  server(
    "ollama",
    "BENCH_OLLAMA_URL",
    "`ollama pull all-minilm`, then set BENCH_OLLAMA_URL=http://localhost:11434/v1 (its limit is its own: 256 tokens)",
  ),
];
