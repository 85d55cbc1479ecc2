import { parseArgs } from "node:util";

import { messageOf } from "../utils/message-of.js";
import { UsageError } from "./command.js";

/** An option of a command, as `util.parseArgs` reads it, and what its value may be, for shells to complete. */
export interface OptionDefinition {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly values?: readonly string[] | "file" | "folder" | "model";
}

/** The options of a command by name. */
export type OptionDefinitions = Readonly<Record<string, OptionDefinition>>;

/** What `util.parseArgs` makes of a command line with these options. */
type Parsed<Options extends OptionDefinitions> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Options; allowPositionals: true; strict: true }>
>;

/** `util.parseArgs` in strict mode, with its complaints as {@link UsageError}. */
export function parse<const Options extends OptionDefinitions>(
  args: readonly string[],
  options: Options,
): Parsed<Options> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(explain(messageOf(error)));
  }
}

/** Node's messages go on with advice after the first sentence, in a form that is for programs and not for one line. */
function explain(message: string): string {
  const [sentence = message] = message.split(/\.\s/);
  const [, option] = /^Option '(.+?)' argument is ambiguous$/.exec(sentence) ?? [];
  if (option !== undefined) {
    const form = option.startsWith("--") ? `${option}=-...` : `${option}-...`;
    return `${option} needs a value; one that begins with - is written ${form}`;
  }
  return /^Unknown option '-[^-]/.test(sentence)
    ? `${sentence}: put -- before texts and paths that begin with -`
    : sentence;
}

/** The value of an option that must not be empty, as it is when a shell variable was not set. */
export function parseFilled(name: string, value: string | undefined): string | undefined {
  if (value === "") throw new UsageError(`--${name} must not be empty`);
  return value;
}

/** The whole number from 1 of an option, or `undefined` where it is not given. */
export function parseCount(name: string, value: string | undefined, most = 999_999_999): number | undefined {
  if (value === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(value)) {
    throw new UsageError(`--${name} must be a whole number from 1, not ${JSON.stringify(value)}`);
  }
  if (Number(value) > most) throw new UsageError(`--${name} must be at most ${String(most)}, not ${value}`);
  return Number(value);
}

/** What `--threads` says: the engine takes up to 1024. */
export function parseThreads(value: string | undefined): number | undefined {
  return parseCount("threads", value, 1_024);
}

/** The whole number from 0 of an option, or `undefined` where it is not given. */
export function parseWhole(name: string, value: string | undefined): number | undefined {
  if (value === "0") return 0;
  if (value !== undefined && !/^[1-9]\d{0,8}$/.test(value)) {
    throw new UsageError(`--${name} must be a whole number from 0, not ${JSON.stringify(value)}`);
  }
  return parseCount(name, value);
}

/** The value of an option that knows only some; `undefined` where it is not given. */
export function parseChoice<Choice extends string>(
  name: string,
  value: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (value === undefined) return undefined;
  const choice = choices.find((each) => each === value);
  if (choice === undefined) {
    throw new UsageError(`--${name} must be one of ${choices.join(", ")}, not ${JSON.stringify(value)}`);
  }
  return choice;
}
