import { verify as verifyModel, type VerifiedModel, type VerifyReport } from "../../evaluation/verify.js";
import type { CheckResult, Figure } from "../../evaluation/check-result.js";
import { CheckFailed, UsageError, type Command, type Context } from "../command.js";
import { sourceOptions, sourceOptionsHelp, toSourceOptions } from "../model-options.js";
import { parse, parseThreads } from "../parse.js";
import { ProgressBar } from "../progress-bar.js";
import { write } from "../write.js";

const help = `Usage: candle-embed verify [options] [MODEL]

Checks on this machine that a model computes what it should, on built-in texts, and prints a report. Exit code 1 when
something is out of its limit. MODEL is a name ("candle-embed models" lists them), a hub id (org/name) or a folder; what
the cache lacks is downloaded (default: the all-MiniLM-L6-v2 that is installed).

Checks:
  golden       float32 against vectors of sentence-transformers, for models whose vectors are shipped: to 5e-6
  executors    this engine's kernels against Candle's operations, float32: to 5e-6
  int8         int8 against float32: a cosine of 0.998 on average
  batches      a text alone, in a batch and in another order: the same bits
  determinism  two loads, two runs, all threads and one: the same bits

Options:
      --json               print the report as JSON
      --threads N          threads of the engine (default: the CPUs this process may use)
${sourceOptionsHelp}

Examples:
  candle-embed verify
  candle-embed verify bge-small-en-v1.5 --json
  candle-embed verify ./my-model`;

const options = {
  json: { type: "boolean" },
  threads: { type: "string" },
  ...sourceOptions,
} as const;

/** `candle-embed verify` */
export const verify: Command = {
  help,
  options,
  operands: "model",
  run,
};

async function run(args: readonly string[], { stdout, stderr, signal }: Context): Promise<void> {
  const { values, positionals } = parse(args, options);
  const [model, ...more] = positionals;
  if (more.length > 0) throw new UsageError("verify takes one MODEL");
  const provider = process.env["EMBEDDING_PROVIDER"];
  if (provider && provider !== "native") {
    await write(
      stderr,
      `EMBEDDING_PROVIDER is ${provider}: verify checks a model in this process, and calls no API\n`,
    );
  }
  const asJson = values.json === true;
  const bar = new ProgressBar(stderr);
  const say = async (text: string): Promise<void> => {
    bar.clear();
    if (!asJson) await write(stdout, text);
  };
  const report = await verifyModel(
    model,
    {
      threads: parseThreads(values.threads),
      ...toSourceOptions(values),
      signal,
      onProgress: ({ modelId, download }) => {
        if (download !== undefined) bar.show(modelId, download);
      },
    },
    { onModel: (verified) => say(head(verified)), onCheck: (result) => say(line(result)) },
  ).finally(() => {
    bar.clear();
  });
  await write(stdout, asJson ? `${JSON.stringify(report, null, 2)}\n` : foot(report));
  if (!report.passed) throw new CheckFailed(`${report.modelId}: out of the limit: ${failedNames(report)}`);
}

function head({
  modelId,
  revision,
  modelType,
  dimensions,
  maxTokens,
  dtype,
  threads,
  texts,
}: VerifiedModel): string {
  const limit = maxTokens < 2 ** 30 ? `${String(maxTokens)} tokens` : "texts of any length";
  return (
    `${modelId} (${revision.slice(0, 12)}): ${modelType}, ${String(dimensions)} dimensions, ${limit}, ${dtype} weights\n` +
    `${String(texts)} texts, ${String(threads)} threads\n\n`
  );
}

function line({ check, status, what, figures }: CheckResult): string {
  const values = figures.length === 0 ? "" : `: ${figures.map(toText).join(", ")}`;
  return `${status.padEnd(8)}  ${check.padEnd(11)}  ${what}${values}\n`;
}

function toText({ name, value, most, least }: Figure): string {
  const limit = most ?? least;
  const bound = most === undefined ? "at least" : "at most";
  return `${name} ${toDigits(value)}${limit === undefined ? "" : ` (${bound} ${toDigits(limit)})`}`;
}

/** Counts as they are, cosines by their distance from 1, differences by their size. */
function toDigits(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) > 0.1 ? String(Number(value.toFixed(5))) : value.toExponential(1);
}

function foot({ checks }: VerifyReport): string {
  const count = (wanted: CheckResult["status"]): string =>
    `${String(checks.filter(({ status }) => status === wanted).length)} ${wanted}`;
  return `\n${count("passed")}, ${count("failed")}, ${count("left out")}\n`;
}

function failedNames({ checks }: VerifyReport): string {
  return checks
    .filter(({ status }) => status === "failed")
    .map(({ check }) => check)
    .join(", ");
}
