/**
 * Longer lines are skipped, and named: 16 MiB of text are some four million tokens, which no model reads, and a line that
 * never ends must not fill the memory.
 */
export const maxLineBytes = 16 * 1024 * 1024;

/** The bytes of one line, without its end. */
export interface RawLine {
  /** Absent where the line is longer than {@link maxLineBytes}. */
  readonly bytes?: Buffer;
  /** Where it begins. */
  readonly start: number;
  /** Where the next one begins. */
  readonly end: number;
}

const newline = 0x0a;
const carriageReturn = 0x0d;

/**
 * The lines of bytes (LF or CRLF), as many at a time as a chunk holds. Only these end a line: `node:readline` also splits
 * at U+2028, which may stand inside a JSON string. A last line end opens no further line.
 *
 * @param offset The place of the first byte, to count on from.
 */
export async function* splitRawLines(
  chunks: AsyncIterable<Uint8Array>,
  offset = 0,
): AsyncGenerator<RawLine[], void, undefined> {
  let lineStart = offset;
  let read = offset;
  // The parts of a line that spans chunks are joined once: joining chunk by chunk would be quadratic.
  let open: Uint8Array[] = [];
  let openBytes = 0;
  const close = (last: Buffer, end: number): RawLine => {
    const place = { start: lineStart, end };
    lineStart = end;
    const tooLong = openBytes + last.length > maxLineBytes;
    const bytes = open.length === 0 ? last : Buffer.concat([...open, last]);
    open = [];
    openBytes = 0;
    return tooLong ? place : { ...place, bytes: withoutCarriageReturn(bytes) };
  };
  for await (const chunk of chunks) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const lines: RawLine[] = [];
    let from = 0;
    for (let at = buffer.indexOf(newline); at !== -1; at = buffer.indexOf(newline, from)) {
      lines.push(close(buffer.subarray(from, at), read + at + 1));
      from = at + 1;
    }
    read += buffer.length;
    const rest = buffer.subarray(from);
    openBytes += rest.length;
    if (openBytes > maxLineBytes) open = [];
    else if (rest.length > 0) open.push(rest);
    if (lines.length > 0) yield lines;
  }
  if (read > lineStart) yield [close(Buffer.alloc(0), read)];
}

function withoutCarriageReturn(bytes: Buffer): Buffer {
  return bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes;
}
