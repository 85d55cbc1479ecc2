/** UTF-8 bytes of a token: English has four and more, Chinese three. */
const bytesOfToken = 3;

/** A run of a call's texts that fits into one request. */
export interface Part {
  readonly start: number;
  readonly texts: readonly string[];
}

/** Cuts texts into requests of at most `most` texts and, unless one text alone has more, about `mostTokens` tokens. */
export function splitTexts(texts: readonly string[], most: number, mostTokens: number): Part[] {
  const parts: Part[] = [];
  let start = 0;
  let tokens = 0;
  for (let end = 0; end < texts.length; end++) {
    const own = Math.ceil(Buffer.byteLength(texts[end] as string) / bytesOfToken) + 1;
    if (end > start && (end - start === most || tokens + own > mostTokens)) {
      parts.push({ start, texts: texts.slice(start, end) });
      start = end;
      tokens = 0;
    }
    tokens += own;
  }
  if (start < texts.length) parts.push({ start, texts: texts.slice(start) });
  return parts;
}
