import type { DescribedCommand, DescribedOption } from "./described-command.js";

/** The completion of fish 3 and later. */
export function toFish(commands: readonly DescribedCommand[], models: readonly string[]): string {
  const lines = [
    "# fish completion of candle-embed: candle-embed completion fish | source",
    "complete -c candle-embed -f",
    "complete -c candle-embed -n __fish_use_subcommand -l version -s V -d 'show the version'",
    ...commands.map(
      ({ name, summary }) =>
        `complete -c candle-embed -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
    ),
  ];
  for (const { name, options, operands } of commands) {
    const here = `complete -c candle-embed -n '__fish_seen_subcommand_from ${name}'`;
    for (const option of options) {
      const short = option.short === undefined ? "" : ` -s ${option.short}`;
      const value = option.takesValue ? ` ${required(option.values, models)}` : "";
      lines.push(`${here} -l ${option.name}${short}${value} -d ${quoted(option.description)}`);
    }
    if (operands !== undefined) lines.push(`${here} ${operand(operands, models)}`);
  }
  return `${lines.join("\n")}\n`;
}

function required(values: DescribedOption["values"], models: readonly string[]): string {
  if (values === "file") return "-r -F";
  return values === undefined ? "-x" : `-x ${words(values, models)}`;
}

function operand(values: NonNullable<DescribedOption["values"]>, models: readonly string[]): string {
  return values === "file" ? "-F" : words(values, models);
}

function words(
  values: Exclude<DescribedOption["values"], undefined | "file">,
  models: readonly string[],
): string {
  if (values === "folder") return "-a '(__fish_complete_directories)'";
  if (values === "model") return `-a '${models.join(" ")} (__fish_complete_directories)'`;
  return `-a ${quoted(values.join(" "))}`;
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
