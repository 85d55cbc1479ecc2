// Loads and disposes a model many times: whether the memory of the process still grows in the second half of them.
//
//   node scripts/check-cycles.mjs [MODEL] [--cycles 100] [--dtype float32]
//
// Ends with code 1 where it grew by 5 % of the weights' size or more.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { cycles: { type: "string", default: "100" }, dtype: { type: "string", default: "auto" } },
});

const program = `
  import { statSync } from "node:fs";
  import path from "node:path";
  import { NativeBackend } from "candle-embed";
  const [folder, dtype, cycles] = process.argv.slice(-3);
  const weights = statSync(path.join(folder, "model.safetensors")).size;
  const sizes = [];
  for (let cycle = 1; cycle <= Number(cycles); cycle++) {
    const backend = await NativeBackend.load(folder, { dtype });
    await backend.embed(["one", "two", "three"]);
    await backend.dispose();
    gc();
    sizes.push(process.memoryUsage.rss());
  }
  // A single one is some megabytes off: pages go back to the system when it suits V8.
  const median = (end) => {
    const last = sizes.slice(Math.max(0, end - 20), end).sort((a, b) => a - b);
    return last[last.length >> 1];
  };
  console.log(JSON.stringify({ weights, fifth: sizes[4], half: median(sizes.length >> 1), last: median(sizes.length) }));
`;
const folder = positionals[0] ?? "models/all-MiniLM-L6-v2";
const args = ["--expose-gc", "--input-type=module", "--eval", program, folder, values.dtype, values.cycles];
const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
if (status !== 0) throw new Error(stderr);
const { weights, fifth, half, last } = JSON.parse(stdout);
const share = (last - half) / weights;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
console.log(
  `- ${folder}, ${values.dtype}: ${megabytes(fifth)} after 5 cycles, ${megabytes(half)} after half, ${megabytes(last)} ` +
    `after ${values.cycles}; in the second half ${(100 * share).toFixed(1)} % of the weights (${megabytes(weights)})`,
);
process.exitCode = share < 0.05 ? 0 : 1;
