/**
 * What JavaScript may not hold: up to 15 digits and an exponent of two come out of a double as they went in, whatever they
 * are. A line without more need not be looked at.
 */
const suspicious = /\d[\d.]{15}|\d[eE][+-]?\d{3}/;

/**
 * The first of the fields that count in which a number would be another one when it is written again.
 *
 * @param line A JSON object that was parsed before: what it is made of is known to be right.
 */
export function roundedField(line: string, counts: (field: string) => boolean): string | undefined {
  if (!suspicious.test(line)) return undefined;
  const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
  let depth = 0;
  let isName = false;
  let field = "";
  for (let at = 0; at < line.length; at++) {
    const character = line[at] as string;
    if (character === '"') {
      const end = endOfString(line, at);
      if (isName) field = JSON.parse(line.slice(at, end + 1)) as string;
      at = end;
    } else if (character === "{" || character === "[") {
      isName = ++depth === 1;
    } else if (character === "}" || character === "]") {
      depth--;
    } else if (character === "," || character === ":") {
      isName = depth === 1 && character === ",";
    } else {
      number.lastIndex = at;
      const [digits] = number.exec(line) ?? [];
      if (digits === undefined) continue;
      if (counts(field) && decimalOf(digits) !== decimalOf(String(Number(digits)))) return field;
      at += digits.length - 1;
    }
  }
  return undefined;
}

function endOfString(line: string, start: number): number {
  for (let end = line.indexOf('"', start + 1); ; end = line.indexOf('"', end + 1)) {
    let first = end;
    while (line[first - 1] === "\\") first--;
    if ((end - first) % 2 === 0) return end;
  }
}

/** One spelling for each value: its digits without zeros around them, and the power of ten. */
function decimalOf(number: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number);
  // Infinity, which JSON has not.
  if (parts === null) return "";
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts;
  const digits = (whole + fraction).replace(/^0+/, "");
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  if (end === 0) return "0";
  return `${sign}${digits.slice(0, end)}e${String(Number(exponent) - fraction.length + digits.length - end)}`;
}
