/** Rows of cells as a Markdown table; every column but the first few of names is set to the right. */
export function toMarkdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  names = 1,
): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escape).join(" | ")} |\n`;
  const ruler = head.map((_, column) => (column < names ? "---" : "---:"));
  return line(head) + `| ${ruler.join(" | ")} |\n` + rows.map(line).join("");
}

function escape(cell: string): string {
  return cell.replaceAll("|", "\\|");
}
