import path from "node:path";

import { poolings } from "../../backends/native-options.js";
import { quantizeModel } from "../../native.js";
import { untilAborted } from "../../utils/until-aborted.js";
import { UsageError, type Command, type Context } from "../command.js";
import { poolingHelp } from "../model-options.js";
import { parse, parseChoice } from "../parse.js";
import { write } from "../write.js";

const help = `Usage: candle-embed quantize [options] SOURCE TARGET

Writes a copy of the float32 model folder SOURCE with int8 weights to TARGET: about a quarter of the size. Tokenizer and
configuration are copied. The same folder always gives the same bytes.

Options:
${poolingHelp}
      --json               print { target, matrices, bytesBefore, bytesAfter, sourceSha256 }

Examples:
  candle-embed quantize ./bge-small-en-v1.5 ./bge-small-en-v1.5-int8
  candle-embed embed --model ./bge-small-en-v1.5-int8 "a text"`;

const options = { pooling: { type: "string", values: poolings }, json: { type: "boolean" } } as const;

/** `candle-embed quantize` */
export const quantize: Command = {
  help,
  options,
  operands: "folder",
  run,
};

async function run(args: readonly string[], { stdout, signal }: Context): Promise<void> {
  const { values, positionals } = parse(args, options);
  const [source, target, ...more] = positionals;
  if (source === undefined || target === undefined || more.length > 0) {
    throw new UsageError("quantize needs a SOURCE and a TARGET folder");
  }
  const pooling = parseChoice("pooling", values.pooling, poolings);
  // The engine does not stop half-way; it writes the weights last and in one step, so that it may be left at any time.
  const report = await untilAborted(signal, () =>
    quantizeModel(path.resolve(source), path.resolve(target), pooling),
  );
  if (values.json === true) return write(stdout, `${JSON.stringify({ target, ...report }, null, 2)}\n`);
  await write(
    stdout,
    `${target}: ${String(report.matrices)} matrices, ${megabytes(report.bytesBefore)} -> ${megabytes(report.bytesAfter)}\n` +
      `sha256 of the source weights: ${report.sourceSha256}\n`,
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
