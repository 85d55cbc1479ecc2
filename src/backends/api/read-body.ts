/** The body of an answer as text, or `undefined` as soon as it turns out to have more than `mostBytes`, unpacked. */
export async function readBody(response: Response, mostBytes: number): Promise<string | undefined> {
  if (response.body === null) return "";
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(pieces).toString("utf8");
    bytes += value.length;
    if (bytes > mostBytes) {
      // Gives up the connection: the rest may be without end.
      reader.cancel().catch(() => undefined);
      return undefined;
    }
    pieces.push(value);
  }
}
