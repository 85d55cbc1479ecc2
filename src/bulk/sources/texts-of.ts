import { CandleEmbedError } from "../../errors.js";
import { isBad, type BadLine, type InputText } from "../record.js";
import type { Source } from "./source.js";

/**
 * The texts of a source, for work in which nothing may be left out.
 *
 * @throws CandleEmbedError `INVALID_INPUT` at the first line that cannot be used.
 */
export async function* textsOf(source: Source): AsyncGenerator<InputText, void, undefined> {
  for await (const entries of source.read()) {
    for (const { content } of entries) {
      if (isBad(content)) throw lineError(content);
      yield content;
    }
  }
}

/** The error of a line that cannot be used. */
export function lineError({ line, reason }: BadLine): CandleEmbedError {
  return new CandleEmbedError("INVALID_INPUT", `line ${String(line)} ${reason}`);
}
