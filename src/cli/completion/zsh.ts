import type { DescribedCommand, DescribedOption } from "./described-command.js";

/** The completion of zsh: as a file named _candle-embed in a folder of `fpath`, or sourced. */
export function toZsh(commands: readonly DescribedCommand[], models: readonly string[]): string {
  const names = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  const cases = commands.map(({ name, options, operands }) => {
    const specs = options.map((option) => toSpec(option, models));
    const rest = operands === undefined ? [] : [quoted(`*:argument:${action(operands, models)}`)];
    return `    ${name})\n      _arguments -s -S ${[...specs, ...rest].join(" \\\n        ")} ;;`;
  });
  return `#compdef candle-embed
# zsh completion of candle-embed: source <(candle-embed completion zsh)
_candle_embed() {
  local -a commands
  commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
${cases.join("\n")}
  esac
}
if [[ $funcstack[1] == _candle-embed ]]; then _candle_embed "$@"; else compdef _candle_embed candle-embed; fi
`;
}

function toSpec(
  { name, short, takesValue, values, description }: DescribedOption,
  models: readonly string[],
): string {
  const text = description.replace(/[[\]\\:]/g, "\\$&");
  const value = takesValue ? `:${name}:${action(values, models)}` : "";
  // "=": a long option takes its value in the same word or the next.
  const long = takesValue ? `--${name}=` : `--${name}`;
  const rest = `[${text}]${value}`;
  if (short === undefined) return quoted(`${long}${rest}`);
  const exclusive = `(-${short} --${name})`;
  return `${quoted(`${exclusive}-${short}${takesValue ? "+" : ""}${rest}`)} ${quoted(`${exclusive}${long}${rest}`)}`;
}

function action(values: DescribedOption["values"], models: readonly string[]): string {
  if (values === "file") return "_files";
  if (values === "folder") return "_files -/";
  if (values === "model") return `{ compadd -- ${models.join(" ")}; _files -/ }`;
  return values === undefined ? " " : `(${values.join(" ")})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
