/** The widest that text for people is laid out; help pages are written for it. */
const mostColumns = 120;

/** The columns of a terminal that text may take; a pipe gets lines as they are. */
export function columnsOf(stream: NodeJS.WriteStream): number {
  // The last column stays free: some terminals wrap a line that fills it.
  return stream.isTTY ? (stream.columns || 80) - 1 : Infinity;
}

/** Cuts a line at spaces into lines of at most `width`; a longer word, such as a path to be copied, stays whole. */
export function wrap(line: string, width: number): string[] {
  if (line.length <= width) return [line];
  const lines: string[] = [];
  let open = "";
  for (const word of line.split(/(?<=\S)(?= )/)) {
    if (open.trim() !== "" && open.length + word.length > width) {
      lines.push(open);
      open = word.trimStart();
    } else {
      open += word;
    }
  }
  return [...lines, open];
}

/** A help page for a terminal that is narrower than it was written for: paragraphs and descriptions are laid out anew. */
export function fitHelp(help: string, columns: number): string {
  if (columns >= mostColumns) return help;
  const groups: string[] = [];
  for (const line of help.split("\n")) {
    const last = groups.at(-1);
    if (last !== undefined && continues(last, line)) groups[groups.length - 1] = `${last} ${line.trim()}`;
    else groups.push(line);
  }
  return groups.flatMap((group) => hang(group, columns)).join("\n");
}

/** The second line of a paragraph, or of an option's description, which begins far to the right. */
function continues(last: string, line: string): boolean {
  if (last === "" || line === "" || last.startsWith("Usage:")) return false;
  // An option so long that its description begins below it stays on a line of its own.
  if (/^ {20,}\S/.test(line)) return /^ {20,}\S|\S {2,}\S/.test(last);
  return !line.startsWith(" ") && !last.startsWith(" ") && !last.endsWith(":");
}

/** The lines of a group, those after the first below its description. */
function hang(group: string, columns: number): string[] {
  const leading = group.length - group.trimStart().length;
  // An example goes on a little further to the right than it begins.
  const own = leading > 0 && leading < 20 ? leading + 2 : leading;
  const column = /^ {2,}\S.*? {2,}(?=\S)/.exec(group)?.[0].length ?? own;
  const indent = " ".repeat(column <= columns / 2 ? column : 4);
  const [first = "", ...rest] = wrap(group, columns);
  if (rest.length === 0) return [first];
  return [first, ...wrap(rest.join(" "), columns - indent.length).map((line) => indent + line)];
}
