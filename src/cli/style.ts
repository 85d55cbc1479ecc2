type Paint = (text: string) => string;

/** Paints texts for a stream. */
export type Style = Readonly<Record<keyof typeof codes, Paint>>;

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** The colours of a terminal that has some, and of NO_COLOR and FORCE_COLOR what Node makes of them; else plain text. */
export function styleFor(stream: NodeJS.WriteStream): Style {
  const painted = stream.isTTY && stream.hasColors();
  const paint = (code: number): Paint =>
    painted ? (text) => `\u001B[${String(code)}m${text}\u001B[0m` : (text) => text;
  const entries = Object.entries(codes).map(([name, code]) => [name, paint(code)]);
  return Object.fromEntries(entries) as Style;
}
