import { catalog } from "../../catalog.js";
import { UsageError, type Command, type Context } from "../command.js";
import { commands } from "../command-list.js";
import { toBash } from "../completion/bash.js";
import { describeCommands } from "../completion/described-command.js";
import { toFish } from "../completion/fish.js";
import { toZsh } from "../completion/zsh.js";
import { parse } from "../parse.js";
import { write } from "../write.js";

const shells = { bash: toBash, zsh: toZsh, fish: toFish } as const;
const shellNames = Object.keys(shells) as (keyof typeof shells)[];

const help = `Usage: candle-embed completion SHELL

Prints what makes SHELL (bash, zsh or fish) complete commands, options, their values and files.

Examples:
  echo 'source <(candle-embed completion bash)' >> ~/.bashrc
  echo 'source <(candle-embed completion zsh)' >> ~/.zshrc    # below compinit
  candle-embed completion fish > ~/.config/fish/completions/candle-embed.fish`;

const options = {} as const;

/** `candle-embed completion` */
export const completion: Command = {
  help,
  options,
  operands: shellNames,
  run,
};

async function run(args: readonly string[], { stdout }: Context): Promise<void> {
  const { positionals } = parse(args, options);
  const [wanted, ...more] = positionals;
  const shell = shellNames.find((each) => each === wanted);
  if (shell === undefined || more.length > 0) {
    throw new UsageError(`completion needs a SHELL: ${shellNames.join(", ")}`);
  }
  const models = catalog.map(({ name }) => name);
  await write(stdout, shells[shell](await describeCommands(commands), models));
}
