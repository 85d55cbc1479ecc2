import type { ListedCommand } from "../command-list.js";
import type { OptionDefinition } from "../parse.js";

/** An option of a command as a shell completes it. */
export interface DescribedOption {
  readonly name: string;
  readonly short: string | undefined;
  readonly takesValue: boolean;
  /** What its value may be: one of these words, or a file and the like. */
  readonly values: OptionDefinition["values"];
  /** The beginning of what the help page says of it. */
  readonly description: string;
}

/** A command as a shell completes it. */
export interface DescribedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly DescribedOption[];
  readonly operands: OptionDefinition["values"];
}

const helpOption = {
  name: "help",
  short: "h",
  takesValue: false,
  values: undefined,
  description: "show the help page",
};

/** The commands by what they parse with and what their help pages say. */
export function describeCommands(commands: ReadonlyMap<string, ListedCommand>): Promise<DescribedCommand[]> {
  return Promise.all([...commands].map(async ([name, listed]) => describeCommand(name, listed)));
}

async function describeCommand(name: string, { summary, load }: ListedCommand): Promise<DescribedCommand> {
  const { help, options, operands } = await load();
  const described = Object.entries(options).map(([option, { type, short, values }]) => ({
    name: option,
    short,
    takesValue: type === "string",
    values,
    description: describeOption(help, option),
  }));
  return { name, summary, operands, options: [...described, helpOption] };
}

/** What stands behind the option on the help page, or begins below it; without what is in brackets at its end. */
function describeOption(help: string, name: string): string {
  const line = new RegExp(`^ {2,6}(?:-\\w, )?--${name}(?: [A-Z[\\]=]+)?(?: +|\\n +)(.*)$`, "m").exec(help);
  return (line?.[1] ?? "").split(/ \(|[;:]/)[0]?.trim() ?? "";
}
