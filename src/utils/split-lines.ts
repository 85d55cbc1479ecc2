/**
 * The lines of UTF-8 bytes, without their ends (LF or CRLF). Only these end a line: `node:readline` also splits at
 * U+2028, which may stand inside a JSON string. Invalid bytes become U+FFFD; a last line end opens no further line.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  // A line that spans many chunks is joined once: adding chunk by chunk and searching again would be quadratic.
  let open: string[] = [];
  for await (const chunk of chunks) {
    const [first, ...more] = decoder.decode(chunk, { stream: true }).split("\n") as [string, ...string[]];
    open.push(first);
    for (const part of more) {
      yield withoutCarriageReturn(open.join(""));
      open = [part];
    }
  }
  const last = open.join("") + decoder.decode();
  if (last !== "") yield withoutCarriageReturn(last);
}

function withoutCarriageReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
