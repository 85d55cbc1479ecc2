import { CandleEmbedError } from "../errors.js";
import { messageOf } from "../utils/message-of.js";
import { packageVersion } from "../utils/package-version.js";
import { CheckFailed, UsageError, type Command, type Context } from "./command.js";
import { commands } from "./command-list.js";
import { watchEnds } from "./watch-ends.js";
import { columnsOf, fitHelp } from "./wrap.js";
import { write } from "./write.js";

const help = `Usage: candle-embed COMMAND [options]

Text embeddings on this machine, with a model included.

Commands:
${[...commands].map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`).join("\n")}

"candle-embed COMMAND --help" or "candle-embed help COMMAND" shows options and examples.

Options:
  -h, --help     show this page
  -V, --version  show the version

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped with Ctrl-C, 143 stopped with SIGTERM.
Environment: CANDLE_EMBED_THREADS (threads of the engine), CANDLE_EMBED_DEBUG (print the stack of errors); for downloads
HF_TOKEN, HF_HUB_OFFLINE and those of "candle-embed pull --help"; EMBEDDING_PROVIDER and its like, for an API in place of
or beside the model in this process (docs/backends.md).`;

/** Runs the command line and gives the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const { stdin, stdout, stderr } = process;
  const ends = watchEnds(stdout);
  try {
    const command = await dispatch(args, { stdin, stdout, stderr, signal: ends.signal });
    return command?.endsWithSignal === true ? 0 : (ends.exitCode ?? 0);
  } catch (error) {
    // Once the run was ended from outside, what failed after it is of no interest.
    if (ends.exitCode !== undefined) return ends.exitCode;
    await write(stderr, `candle-embed: ${describe(error).replace(/\s*\n\s*/g, " ")}\n`);
    if (process.env["CANDLE_EMBED_DEBUG"]) console.error(error);
    return error instanceof UsageError ? 2 : 1;
  } finally {
    ends.unwatch();
  }
}

/** Gives the command that was run, where there was one. */
async function dispatch(args: readonly string[], context: Context): Promise<Command | undefined> {
  const [name, ...rest] = args;
  if (name === undefined) throw new UsageError('which command? "candle-embed --help" lists them');
  if (name === "--version" || name === "-V") {
    await write(context.stdout, `${packageVersion()}\n`);
    return undefined;
  }
  if (name === "help" && rest[0] !== undefined) {
    const { help: page } = await find(rest[0]);
    await printHelp(page, context);
    return undefined;
  }
  if (name === "--help" || name === "-h" || name === "help") {
    await printHelp(help, context);
    return undefined;
  }
  const command = await find(name);
  await (asksForHelp(rest) ? printHelp(command.help, context) : command.run(rest, context));
  return command;
}

async function find(name: string): Promise<Command> {
  const listed = commands.get(name);
  if (listed !== undefined) return listed.load();
  throw new UsageError(`no command ${JSON.stringify(name)}; there are ${[...commands.keys()].join(", ")}`);
}

function printHelp(page: string, { stdout }: Context): Promise<void> {
  return write(stdout, `${fitHelp(page, columnsOf(stdout))}\n`);
}

/** `--` ends the options: a text may be called `--help`. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  const options = end === -1 ? args : args.slice(0, end);
  return options.includes("--help") || options.includes("-h");
}

function describe(error: unknown): string {
  if (error instanceof UsageError) return `USAGE: ${error.message}`;
  if (error instanceof CheckFailed) return `FAILED: ${error.message}`;
  if (CandleEmbedError.isInstance(error)) return `${error.code}: ${error.message}`;
  // The system's messages ("ENOENT: no such file ...") begin with their code.
  if (error instanceof Error && "code" in error) return error.message;
  return `INTERNAL: ${messageOf(error)}`;
}
