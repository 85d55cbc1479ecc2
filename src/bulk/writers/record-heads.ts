import type { OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import type { InputText } from "../record.js";

/** What is said of a text beside its vector. */
export interface RecordHead extends Omit<InputText, "text" | "line"> {
  readonly text?: string;
  /** Tokens used of it. */
  readonly tokens: number;
  readonly truncated: boolean;
}

/** The records of a batch as JSON objects, without their vectors. */
export function recordHeads(
  texts: readonly InputText[],
  embeddings: Embeddings<OutputVector>,
  withText: boolean,
): string[] {
  const truncated = new Set(embeddings.truncated);
  return texts.map(({ index, id, text, metadata, chunk }, row) => {
    const head: RecordHead = {
      index,
      ...(id !== undefined && { id }),
      ...(chunk !== undefined && { chunk }),
      ...(withText && { text }),
      tokens: embeddings.tokens[row] as number,
      truncated: truncated.has(row),
      ...(metadata !== undefined && { metadata }),
    };
    return JSON.stringify(head);
  });
}
