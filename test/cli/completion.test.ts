import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { commands } from "../../src/cli/command-list.js";
import { describeCommands } from "../../src/cli/completion/described-command.js";
import { runCli, temporaryFolder } from "./support.js";

const folder = temporaryFolder();
mkdirSync(path.join(folder, "a folder"));
writeFileSync(path.join(folder, "a file.txt"), "");
const scripts: Record<string, string> = {};
for (const shell of ["bash", "zsh", "fish"]) {
  scripts[shell] = path.join(folder, `completion.${shell}`);
  writeFileSync(scripts[shell], (await runCli(["completion", shell])).stdout);
}

const has = (shell: string): boolean => spawnSync(shell, ["--version"]).status === 0;

/** What bash offers for a line, whose words are split as readline splits them. */
function bash(line: string): string[] {
  const program = `source "$1"; shift
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _candle_embed candle-embed "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const words = line.split(/ |(?<=[^ ])(?==)|(?<==)/);
  const output = execFileSync("bash", ["-c", program, "bash", scripts["bash"] as string, ...words], {
    cwd: folder,
    encoding: "utf8",
    // compopt works only while readline completes.
    stdio: ["ignore", "pipe", "ignore"],
  });
  return output
    .split("\n")
    .filter((each) => each !== "")
    .sort();
}

function fish(line: string): string[] {
  const program = `source ${scripts["fish"] as string}; complete -C '${line}'`;
  const output = execFileSync("fish", ["--no-config", "-c", program], { cwd: folder, encoding: "utf8" });
  return output
    .split("\n")
    .map((each) => each.split("\t")[0] ?? "")
    .filter((each) => each !== "")
    .sort();
}

/** What zsh shows after Tab at the end of a line, in a terminal of its own. */
function zsh(line: string): string {
  const program = `zmodload zsh/zpty; cd "$2"
    zpty shell zsh -f -i
    zpty -w shell "PROMPT=; autoload -U compinit; compinit -u -D; zstyle ':completion:*' list-prompt ''; LISTMAX=1000; source $1; unsetopt listambiguous; echo READ''Y"
    zpty -r shell output '*READY*'
    zpty -n -w shell "$3"$'\\t\\t'
    sleep 1
    while zpty -r -t shell output; do printf '%s' "$output"; done
    zpty -d shell`;
  const output = execFileSync("zsh", ["-f", "-c", program, "zsh", scripts["zsh"] as string, folder, line], {
    encoding: "utf8",
    env: { ...process.env, TERM: "xterm", COLUMNS: "200" },
  });
  // eslint-disable-next-line no-control-regex -- the terminal's colours and movements
  return output.replace(/\u001B\[[\d;?]*[a-zA-Z]/g, "");
}

const shells = [
  ["bash", bash],
  ["fish", fish],
] as const;

describe.each(shells)("%s", (shell, complete) => {
  const run = it.skipIf(!has(shell));

  run("completes commands, options and values", () => {
    for (const name of commands.keys()) expect(complete("candle-embed ")).toContain(name);
    expect(complete("candle-embed sea")).toEqual(["search"]);
    expect(complete("candle-embed chunk --overl")).toEqual(["--overlap"]);
    expect(complete("candle-embed embed --dtype flo")).toEqual(["float16", "float32"]);
    expect(complete("candle-embed completion f")).toEqual(["fish"]);
    expect(complete("candle-embed pull bge-sm")).toEqual(["bge-small-en-v1.5"]);
    expect(complete("candle-embed chunk --tokens ")).toEqual([]);
  });

  run("completes values behind an equals sign", () => {
    const found = complete("candle-embed embed --dtype=in").map((each) => each.replace(/^.*=/, ""));
    expect(found).toEqual(["int8"]);
  });

  run("completes files and folders with spaces", () => {
    const plain = (found: readonly string[]): string[] => found.map((each) => each.replace(/\\|\/$/g, ""));
    expect(plain(complete("candle-embed chunk a"))).toEqual(["a file.txt", "a folder"]);
    expect(plain(complete("candle-embed index --index a"))).toEqual(["a folder"]);
  });
});

describe("zsh", () => {
  const run = it.skipIf(!has("zsh"));

  run("completes commands, options and values, and says what they are", () => {
    expect(zsh("candle-embed c")).toMatch(/chunk +-- cut documents[^]*completion +-- print/);
    expect(zsh("candle-embed chunk --o")).toMatch(/--output[^]*--overlap/);
    expect(zsh("candle-embed embed --dtype flo")).toMatch(/float16 +float32/);
    expect(zsh("candle-embed pull bge-")).toMatch(/bge-base[^]*bge-large[^]*bge-small/);
  });
});

it("says of every option what the help page says", async () => {
  for (const { name, options } of await describeCommands(commands)) {
    for (const option of options) expect(option.description, `${name} --${option.name}`).not.toBe("");
    const page = (await commands.get(name)?.load())?.help ?? "";
    const named = [...page.matchAll(/^ {2,6}(?:-\w, )?--([\w-]+)/gm)].map(([, option]) => option);
    const known = options.map((option) => option.name).filter((option) => option !== "help");
    expect([...new Set(named)].sort(), name).toEqual(known.sort());
  }
});

it("refuses other shells", async () => {
  expect(await runCli(["completion", "csh"])).toMatchObject({ code: 2 });
  expect((await runCli(["completion"])).stderr).toMatch(/completion needs a SHELL: bash, zsh, fish/);
});
