// npm run bench -- throughput|latency|memory|startup|scaling|server [options]; see METHODOLOGY.md.
import { availableParallelism } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

import { latency } from "./commands/latency.mjs";
import { memory } from "./commands/memory.mjs";
import { scaling } from "./commands/scaling.mjs";
import { startup } from "./commands/startup.mjs";
import { throughput } from "./commands/throughput.mjs";
import { chooseEngines } from "./engines/index.mjs";
import { describeMachine } from "./lib/machine.mjs";
import { benches, cache, root } from "./lib/paths.mjs";
import { buildRust, getModel, installPeers, installPython, requireBuild } from "./lib/setup.mjs";
import { server } from "./server/run.mjs";

const commands = { throughput, latency, memory, startup, scaling };

const usage = `npm run bench -- COMMAND [options]

  throughput   texts and tokens a second on whole files, shares of the machine's peak
  latency      one short text a call
  memory       memory of the process at the end of the mixed file
  startup      from the start of a process to its first vector
  scaling      candle-embed against length, batch size and threads; the tokenizer's share
  server       the embedding server under load; "server --help" shows its suites and options

  --engines A,B      only engines whose names start so
  --workloads A,B    of short, mixed, long (throughput)
  --model NAME       minilm (default) or base-shape
  --rounds N         default 5 (startup: 10)
  --slow-rounds N    rounds in which very slow engines take part, default 2
  --threads N        default: the CPUs of this process
  --data DIR         folder of the text files, default ../shared/data/texts
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
    rounds: { type: "string" },
    "slow-rounds": { type: "string", default: "2" },
    threads: { type: "string" },
    data: { type: "string", default: path.join(root, "..", "shared", "data", "texts") },
    pause: { type: "string", default: "0" },
    out: { type: "string" },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const [name, ...more] = positionals;
const command = Object.hasOwn(commands, name ?? "") ? commands[name] : undefined;
if (values.help || command === undefined || more.length > 0) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}
if (values.model !== "minilm" && values.model !== "base-shape") {
  console.error(`--model is minilm or base-shape, not ${values.model}`);
  process.exit(2);
}

/** A whole number of an option. */
function count(option, fallback, least = 1) {
  const value = values[option] === undefined ? fallback : Number(values[option]);
  if (Number.isInteger(value) && value >= least) return value;
  console.error(`--${option} is a whole number from ${least}, not ${values[option]}`);
  process.exit(2);
}

function readEngines() {
  try {
    return chooseEngines(values.engines);
  } catch (error) {
    console.error(error.message);
    return process.exit(2);
  }
}

const machine = describeMachine();
const definitions = readEngines();
const options = {
  definitions,
  machine,
  quick: values.quick,
  limit: LIMIT,
  threads: count("threads", availableParallelism()),
  rounds: values.rounds === undefined ? undefined : count("rounds"),
  slowRounds: count("slow-rounds", 2),
  pause: count("pause", 0, 0),
  // npm runs scripts in the repository's root; a folder is meant relative to where the user stands.
  data: path.resolve(process.env.INIT_CWD ?? process.cwd(), values.data),
  workloads: values.workloads?.split(","),
  out: values.out
    ? path.resolve(process.env.INIT_CWD ?? process.cwd(), values.out)
    : values.quick
      ? path.join(cache, "record")
      : path.join(benches, "record", machine.version),
};

requireBuild();
await installPeers();
await installPython();
await buildRust();
const model = await getModel(values.model);
await command({ ...options, model });
// Children have ended; what addons may have left in this process is of no interest.
process.exit(0);
