import type { DescribedCommand, DescribedOption } from "./described-command.js";

/** The completion of bash 3.2, which macOS has, and later. */
export function toBash(commands: readonly DescribedCommand[], models: readonly string[]): string {
  const cases = commands.flatMap(({ name, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map((option) => `    ${patterns(name, option)}) ${reply(option.values, models)} ;;`),
  );
  const words = commands.map(({ name, options, operands }) => {
    const names = options.flatMap((option) => [
      `--${option.name}`,
      ...(option.short ? [`-${option.short}`] : []),
    ]);
    return (
      `    ${name})\n` +
      `      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '${names.join(" ")}' -- "$cur"))\n` +
      `      else ${reply(operands, models)}; fi ;;`
    );
  });
  return `# bash completion of candle-embed: source <(candle-embed completion bash)
_candle_embed() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]}
  COMPREPLY=()
  # bash takes the = of --option=value for a word of its own.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(" ")} --help --version' -- "$cur"))
    return
  fi
  case "$command $prev" in
${cases.join("\n")}
  *)
    case $command in
${words.join("\n")}
    esac ;;
  esac
}
_candle_embed_names() {
  compopt -o filenames 2>/dev/null
  local IFS=$'\\n'
  COMPREPLY=($(compgen "$1" -- "$cur"))
}
complete -F _candle_embed candle-embed
`;
}

function patterns(command: string, { name, short }: DescribedOption): string {
  const names = [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];
  return names.map((each) => `"${command} ${each}"`).join(" | ");
}

function reply(values: DescribedOption["values"], models: readonly string[]): string {
  if (values === "file") return "_candle_embed_names -f";
  if (values === "folder") return "_candle_embed_names -d";
  // A model is one of these names, or a folder.
  if (values === "model") {
    return `_candle_embed_names -d; COMPREPLY+=($(compgen -W '${models.join(" ")}' -- "$cur"))`;
  }
  return values === undefined ? ":" : `COMPREPLY=($(compgen -W '${values.join(" ")}' -- "$cur"))`;
}
