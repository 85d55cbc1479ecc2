// npm run bench -- server SUITE [options]; see METHODOLOGY.md.
import { availableParallelism } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

import { installPeers, installPython, requireBuild } from "../lib/environments.mjs";
import { describeMachine } from "../lib/machine.mjs";
import { getModel } from "../lib/models.mjs";
import { benches, cache, root } from "../lib/paths.mjs";
import { idle } from "./idle.mjs";
import { overload } from "./overload.mjs";
import { rates } from "./rates.mjs";
import { installServers } from "./setup.mjs";
import { sigterm } from "./sigterm.mjs";
import { soak } from "./soak.mjs";

const suites = { rates, idle, overload, sigterm, soak };

const usage = `npm run bench -- server SUITE [options]

  rates      texts a second at saturation, beside the same model in a process and beside other servers
  idle       what a request adds to a call, when nothing else runs
  overload   three times the rate that the server can bear
  sigterm    SIGTERM under load, 50 times
  soak       minutes at 70 % load: memory, descriptors, threads

  --servers A,B      only servers whose names start so (rates, idle)
  --rounds N         default 3 (idle: 5, sigterm: 50)
  --seconds N        of each load, default 6 (overload: 30)
  --minutes N        of the soak, default 20
  --threads N        default: the CPUs of this process
  --data DIR         folder of short.txt, default ../shared/data/texts
  --out DIR          default benches/record/<version>, for --quick .cache/bench/record
  --quick            short loads: checks the harness, gives no figures to quote`;

/** Tokens of a text: the limit that all-MiniLM-L6-v2 comes with. */
const LIMIT = 256;

/** @param {readonly string[]} args what follows "server" */
export async function server(args) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      servers: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      minutes: { type: "string", default: "20" },
      threads: { type: "string" },
      data: { type: "string", default: path.join(root, "..", "shared", "data", "texts") },
      out: { type: "string" },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const [name, ...more] = positionals;
  const suite = Object.hasOwn(suites, name ?? "") ? suites[name] : undefined;
  if (values.help || suite === undefined || more.length > 0) {
    console.log(usage);
    process.exit(values.help ? 0 : 2);
  }
  const count = (option) => {
    if (values[option] === undefined) return undefined;
    if (/^[1-9]\d{0,5}$/.test(values[option])) return Number(values[option]);
    console.error(`--${option} is a whole number from 1, not ${values[option]}`);
    return process.exit(2);
  };
  const machine = describeMachine();
  const wanted = values.servers?.split(",");
  // npm runs scripts in the repository's root; a folder is meant relative to where the user stands.
  const resolve = (folder) => path.resolve(process.env.INIT_CWD ?? process.cwd(), folder);
  const options = {
    machine,
    limit: LIMIT,
    quick: values.quick,
    threads: count("threads") ?? availableParallelism(),
    rounds: count("rounds"),
    seconds: count("seconds"),
    minutes: count("minutes"),
    wanted: (server) => wanted === undefined || wanted.some((start) => server.startsWith(start)),
    data: resolve(values.data),
    out: values.out
      ? resolve(values.out)
      : values.quick
        ? path.join(cache, "record")
        : path.join(benches, "record", machine.version),
  };
  requireBuild();
  await installPeers();
  await installPython();
  if (suite === rates) await installServers();
  await suite({ ...options, model: await getModel("minilm") });
}
