import type { OutputVector } from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import { mostFloat32JsonBytes, writeFloat32Row } from "../../utils/write-float32-json.js";

/** Vectors as numbers in text, each between what stands before and after it: one buffer for a batch. */
export function numberRows(
  embeddings: Embeddings<OutputVector>,
  separator: "," | " ",
  frame: (row: number) => { before: string; after: string },
): Buffer {
  const frames = Array.from({ length: embeddings.count }, (_, row) => frame(row));
  const numbers = embeddings.data.length * mostFloat32JsonBytes;
  const around = frames.reduce((sum, { before, after }) => sum + 3 * (before.length + after.length), 0);
  const target = Buffer.allocUnsafe(numbers + around);
  let offset = 0;
  for (const [row, { before, after }] of frames.entries()) {
    offset += target.write(before, offset);
    const vector = embeddings.at(row);
    offset =
      vector instanceof Float32Array
        ? writeFloat32Row(target, offset, vector, separator.charCodeAt(0))
        : offset + target.write(vector.join(separator), offset, "latin1");
    offset += target.write(after, offset);
  }
  return target.subarray(0, offset);
}
