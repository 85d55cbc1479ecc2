/** What is left out of a table on a terminal that is too narrow for it. */
export interface Narrowing {
  /** The columns of the terminal. */
  readonly width: number;
  /** The heads of columns that may go, the first one first. */
  readonly spare: readonly string[];
}

/**
 * Rows of cells as lines of text, the columns under each other. Where most lines are too long, spare columns go; a path in some of
 * them is no reason.
 */
export function toTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { width, spare: [first, ...rest] }: Narrowing = { width: Infinity, spare: [] },
): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  const texts = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const tooLong = texts.filter((text) => text.length > width).length;
  if (first !== undefined && tooLong > lines.length / 2) {
    const without = (line: readonly string[]): string[] => line.filter((_, column) => head[column] !== first);
    return toTable(without(head), rows.map(without), { width, spare: rest });
  }
  return `${texts.join("\n")}\n`;
}
