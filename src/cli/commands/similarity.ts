import { cosineSimilarity } from "../../similarity.js";
import { UsageError, type Command, type Context } from "../command.js";
import { loadModel, modelOptions, modelOptionsHelp } from "../model-options.js";
import { parse } from "../parse.js";
import { write } from "../write.js";

const help = `Usage: candle-embed similarity [options] TEXT TEXT [TEXT...]

Prints the cosine similarity of two texts: 1 for the same meaning, about 0 for unrelated. With more than two texts,
the matrix of all pairs.

Options:
      --json               print the matrix as JSON
${modelOptionsHelp}

Examples:
  candle-embed similarity "a dog runs" "a puppy is running"
  candle-embed similarity --json "red" "green" "seven"`;

const options = { ...modelOptions, json: { type: "boolean" } } as const;

/** `candle-embed similarity` */
export const similarity: Command = { help, options, run };

async function run(args: readonly string[], context: Context): Promise<void> {
  const { stdout, signal } = context;
  const { values, positionals: texts } = parse(args, options);
  if (texts.length < 2) throw new UsageError("similarity needs at least two texts");
  const backend = await loadModel(values, context);
  try {
    const rows = [...(await backend.embed(texts, { signal }))];
    const matrix = rows.map((a) => rows.map((b) => cosineSimilarity(a, b)));
    await write(stdout, values.json === true ? `${JSON.stringify(matrix)}\n` : toText(matrix));
  } finally {
    await backend.dispose();
  }
}

function toText(matrix: readonly (readonly number[])[]): string {
  if (matrix.length === 2) return `${(matrix[0]?.[1] as number).toFixed(4)}\n`;
  return matrix.map((row) => `${row.map((value) => value.toFixed(4).padStart(7)).join(" ")}\n`).join("");
}
