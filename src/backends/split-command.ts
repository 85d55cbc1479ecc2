import { invalid } from "./check-options.js";

/** Words between spaces; quotation marks of either kind keep spaces in a word. Nothing else has a meaning; `name` is for the error. */
export function splitCommand(name: string, command: string): string[] {
  const words = [...command.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, (_, double?: string, single?: string) => double ?? single ?? ""),
  );
  if (words.length > 0 && !/["']/.test(command.replace(/"[^"]*"|'[^']*'/g, ""))) return words;
  throw invalid(`${name} must be a program with its arguments, every quotation mark with its other one`);
}
