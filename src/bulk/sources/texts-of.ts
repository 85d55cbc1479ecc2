import { CandleEmbedError } from "../../errors.js";
import { isBad, type BadLine, type InputText } from "../record.js";
import type { Source } from "./source.js";

/**
 * The texts of a source, for work in which nothing may be left out.
 *
 * @param name What the source is called, where it is one of several.
 * @throws CandleEmbedError `INVALID_INPUT` at the first line that cannot be used.
 */
export async function* textsOf(source: Source, name?: string): AsyncGenerator<InputText, void, undefined> {
  for await (const entries of source.read()) {
    for (const { content } of entries) {
      if (isBad(content)) throw lineError(content, name);
      yield content;
    }
  }
}

/** The error of a line that cannot be used. */
export function lineError({ line, reason }: BadLine, source?: string): CandleEmbedError {
  const where = source === undefined ? "" : `${source}: `;
  return new CandleEmbedError("INVALID_INPUT", `${where}line ${String(line)} ${reason}`);
}
