// npm run bench -- [COMMAND] [options]; see METHODOLOGY.md.
import { availableParallelism } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

import { adapters } from "./commands/adapters.mjs";
import { all } from "./commands/all.mjs";
import { gpu } from "./commands/gpu.mjs";
import { latency } from "./commands/latency.mjs";
import { memory } from "./commands/memory.mjs";
import { micro } from "./commands/micro.mjs";
import { report } from "./commands/report.mjs";
import { scaling } from "./commands/scaling.mjs";
import { size } from "./commands/size.mjs";
import { startup } from "./commands/startup.mjs";
import { steady } from "./commands/steady.mjs";
import { throughput } from "./commands/throughput.mjs";
import { chooseEngines } from "./engines/index.mjs";
import { buildRust, installPython, prepareEnvironments, requireBuild } from "./lib/environments.mjs";
import { describeMachine } from "./lib/machine.mjs";
import { getModel, MODELS, prepareExports } from "./lib/models.mjs";
import { benches, cache, root } from "./lib/paths.mjs";
import { compare } from "./report/compare.mjs";
import { server } from "./server/run.mjs";

const commands = { all, throughput, latency, memory, startup, steady, size, micro, scaling, adapters, gpu, report };

const usage = `npm run bench -- COMMAND [options]

  all          everything below, cut to 25 minutes on two cores, then the report
  throughput   texts and tokens a second on whole files, shares of the machine's peak
  latency      one short text a call
  memory       memory of the process at the end of the mixed file
  startup      from the start of a process to its first vector
  steady       10,000 calls: growth of memory, delay of the event loop (engines in JavaScript)
  size         what an installation takes on disk
  micro        the TypeScript path in this process (tinybench)
  scaling      candle-embed against length, batch size and threads; the tokenizer's share
  adapters     what LangChain's, the AI SDK's ... adapters add to a call (needs a build, nothing else)
  gpu          candle-embed and sentence-transformers on one GPU, float16: whole files, calls of 1 to 1,024 texts, how busy
               the GPU is (needs a build, and torch; BENCH_PYTHON names a Python that has it)
  server       the embedding server under load; "server --help" shows its suites and options
  report       report.html of what has been measured; the table of the README

  --compare DIR      afterwards (or without a command) ratios to the peer beside those of another record;
                     exit code 1 where candle-embed lost more than a tenth
  --engines A,B      only engines whose names start so
  --workloads A,B    of short, mixed, long (throughput)
  --model NAME       ${MODELS.join(", ")}; default minilm
  --tokens N         at most about so many tokens of each file (throughput); default: all
  --turn SECONDS     an engine that would need longer for a file embeds a part of it; default 60 (memory: is left out)
  --rounds N         default 5 (startup: 10)
  --threads N        default: the CPUs of this process
  --data DIR         folder of the text files, default ../shared/data/texts
  --device NAME      of gpu: cuda, cuda:N, metal or, to try the harness, cpu; default cuda
  --pause MS         wait between the calls of latency, default 0
  --out DIR          default benches/record/<version>, for --quick .cache/bench/record
  --quick            few texts and rounds: checks the harness, gives no figures to quote`;

/** Tokens of a text: the limit that all-MiniLM-L6-v2 comes with. */
const LIMIT = 256;

if (process.argv[2] === "server") {
  await server(process.argv.slice(3));
  process.exit(0);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engines: { type: "string" },
    workloads: { type: "string" },
    model: { type: "string", default: "minilm" },
    tokens: { type: "string" },
    turn: { type: "string" },
    rounds: { type: "string" },
    threads: { type: "string" },
    data: { type: "string", default: path.join(root, "..", "shared", "data", "texts") },
    compare: { type: "string" },
    device: { type: "string", default: "cuda" },
    pause: { type: "string", default: "0" },
    out: { type: "string" },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const [name, ...more] = positionals;
const command = Object.hasOwn(commands, name ?? "") ? commands[name] : undefined;
if (values.help || (command === undefined && (name !== undefined || !values.compare)) || more.length > 0) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}

function fail(message) {
  console.error(message);
  return process.exit(2);
}

/** A whole number of an option. */
function count(option, fallback, least = 1) {
  const value = values[option] === undefined ? fallback : Number(values[option]);
  if (value === undefined || (Number.isInteger(value) && value >= least)) return value;
  return fail(`--${option} is a whole number from ${least}, not ${values[option]}`);
}

function readEngines() {
  if (!MODELS.includes(values.model)) fail(`--model is ${MODELS.join(" or ")}, not ${values.model}`);
  try {
    return chooseEngines(values.engines, values.model);
  } catch (error) {
    return fail(error.message);
  }
}

const machine = describeMachine();
const definitions = readEngines();
// npm runs scripts in the repository's root; a folder is meant relative to where the user stands.
const given = (folder) => path.resolve(process.env.INIT_CWD ?? process.cwd(), folder);
const options = {
  definitions,
  machine,
  quick: values.quick,
  limit: LIMIT,
  threads: count("threads", availableParallelism()),
  rounds: count("rounds"),
  tokens: count("tokens"),
  turn: count("turn", command === all ? undefined : 60),
  pause: count("pause", 0, 0),
  device: values.device,
  data: given(values.data),
  workloads: values.workloads?.split(","),
  out: values.out
    ? given(values.out)
    : values.quick
      ? path.join(cache, "record")
      : path.join(benches, "record", machine.version),
};

/** Installs, makes and measures. */
async function measure() {
  requireBuild();
  // The reference vectors and the peak probe: without them nothing is measured.
  await installPython();
  await buildRust();
  const failures = await prepareEnvironments(definitions);
  const model = await getModel(values.model);
  const present = definitions.filter((engine) => !failures.has(engine.name));
  for (const [engine, reason] of await prepareExports(present, model, options.data)) failures.set(engine, reason);
  await command({ ...options, model, failures });
}

if (command === report) report(options);
else if (command === gpu) {
  requireBuild();
  await installPython();
  await gpu({ ...options, modelName: values.model });
} else if (command === adapters) {
  requireBuild();
  await adapters(options);
} else if (command !== undefined) await measure();
let worse = false;
if (values.compare !== undefined) {
  const result = compare(given(values.compare), options.out);
  console.log(result.text);
  worse = result.worse;
}
// Children have ended; what addons may have left in this process is of no interest.
process.exit(worse ? 1 : 0);
