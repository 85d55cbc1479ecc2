import miniLm from "./golden/all-minilm-l6-v2.json";
import texts from "./texts.json";

/** What sentence-transformers gave for one model (`scripts/make-golden.py`). */
export interface GoldenSet {
  readonly madeWith: string;
  readonly dimensions: number;
  /** Row-major, unit length; row `i` belongs to text `i` of {@link builtInTexts}. */
  readonly vectors: Float32Array;
}

/** Short and long texts in several languages and with odd characters. */
export const builtInTexts: readonly string[] = texts;

const files = [miniLm];

/**
 * The vectors for the model with these float32 weights: neither its name nor where it lies says what a model is. With
 * other dimensions, a layer was added to it.
 */
export function findGoldenSet(model: { weightsSha256: string; dimensions: number }): GoldenSet | undefined {
  const file = files.find(
    (each) => each.weightsSha256 === model.weightsSha256 && each.dimensions === model.dimensions,
  );
  if (file === undefined) return undefined;
  const bytes = Buffer.from(file.vectors, "base64");
  const { madeWith, dimensions } = file;
  const vectors = new Float32Array(builtInTexts.length * dimensions);
  for (let index = 0; index < vectors.length; index++) vectors[index] = bytes.readFloatLE(4 * index);
  return { madeWith, dimensions, vectors };
}
