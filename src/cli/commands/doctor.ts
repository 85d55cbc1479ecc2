import { examine } from "../../doctor/doctor.js";
import type { Finding } from "../../doctor/finding.js";
import { CheckFailed, UsageError, type Command, type Context } from "../command.js";
import { sourceOptions, sourceOptionsHelp, toSourceOptions } from "../model-options.js";
import { parse, parseFilled, parseThreads } from "../parse.js";
import { printable } from "../printable.js";
import { styleFor, type Style } from "../style.js";
import { columnsOf, wrap } from "../wrap.js";
import { write } from "../write.js";

const help = `Usage: candle-embed doctor [options] [MODEL]

Looks at all that candle-embed needs on this machine and says what to do where something is wrong: the platform, the
native addon, where models would come from, the cache and whether its files are what their hashes say, the CPU,
threads, GPU; then tests MODEL (default: the all-MiniLM-L6-v2 that is installed) for two seconds. A backend that
EMBEDDING_PROVIDER asks for is named. Nothing is asked of the network, and no secret is printed. Exit code 1 when there
is a problem.

Options:
      --hash               hash every cached file, not only those below 100 MB
      --threads N          threads of the self-test (default: the CPUs this process may use)
      --json               print { problems, findings } as JSON
${sourceOptionsHelp}

Examples:
  candle-embed doctor
  candle-embed doctor --hash bge-small-en-v1.5
  candle-embed doctor --json > report.json`;

const options = {
  ...sourceOptions,
  hash: { type: "boolean" },
  threads: { type: "string" },
  json: { type: "boolean" },
} as const;

/** `candle-embed doctor` */
export const doctor: Command = {
  help,
  options,
  operands: "model",
  run,
};

async function run(args: readonly string[], { stdout, signal }: Context): Promise<void> {
  const { values, positionals } = parse(args, options);
  const [model, ...more] = positionals;
  if (more.length > 0) throw new UsageError("doctor takes one MODEL");
  const source = toSourceOptions(values);
  const style = styleFor(stdout);
  const findings: Finding[] = [];
  const examination = examine({
    model,
    load: { ...source, threads: parseThreads(values.threads) },
    hub: { cacheDir: parseFilled("cache-dir", values["cache-dir"]), offline: values.offline },
    hashAll: values.hash === true,
    signal,
  });
  for await (const finding of examination) {
    signal.throwIfAborted();
    findings.push(finding);
    if (values.json !== true) await write(stdout, toText(finding, style, columnsOf(stdout)));
  }
  const problems = findings.filter(({ status }) => status === "problem");
  if (values.json === true) {
    await write(stdout, `${JSON.stringify({ problems: problems.length, findings }, null, 2)}\n`);
  }
  if (problems.length > 0)
    throw new CheckFailed(`problems with: ${problems.map(({ name }) => name).join(", ")}`);
}

const nameWidth = 11;
const indent = " ".repeat(9 + nameWidth);

/** Status and name, then the text in a column of its own. */
function toText({ name, status, text, advice }: Finding, style: Style, columns: number): string {
  const paint = { ok: style.green, note: style.yellow, problem: style.red }[status];
  const width = Math.max(40, columns - indent.length);
  const lines = printable(text)
    .split("\n")
    .flatMap((line) => wrap(line, width));
  const advised = advice === undefined ? [] : wrap(`to do: ${printable(advice)}`, width).map(style.bold);
  const [first = "", ...rest] = [...lines, ...advised];
  const head = `${paint(status.padEnd(9))}${name.padEnd(nameWidth)}${first}\n`;
  return head + rest.map((line) => `${indent}${line}\n`).join("");
}
