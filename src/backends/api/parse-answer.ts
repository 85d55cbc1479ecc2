/** An answer that is not the vectors that were asked for; the message says why. */
export class WrongAnswer extends Error {}

/** The vectors of one request. */
export interface Answer {
  /** Row-major, in the order of the request's texts. */
  readonly data: Float32Array;
  readonly dimensions: number;
  /** Tokens of the whole request, where the API says. */
  readonly tokens: number | undefined;
}

/** Longer vectors are taken for a mistake: the longest of a public model has 8,192 dimensions. */
export const mostDimensions = 16_384;

/**
 * Reads the answer to a request of `count` texts. It must have one vector for each text, told by `index`, all of
 * `dimensions` numbers (`undefined`: as many as the first), all finite.
 *
 * @throws WrongAnswer
 */
export function parseAnswer(body: string, count: number, dimensions: number | undefined): Answer {
  const answer = parseObject(body);
  const items = answer["data"];
  if (!Array.isArray(items)) {
    throw new WrongAnswer("error" in answer ? "an error with status 200" : 'it has no list "data"');
  }
  if (items.length !== count) {
    throw new WrongAnswer(`${String(items.length)} vectors for ${String(count)} texts`);
  }
  let length = dimensions;
  let data: Float32Array | undefined;
  const seen = new Uint8Array(count);
  for (const item of items as unknown[]) {
    const { index, embedding } = Object(item) as { index?: unknown; embedding?: unknown };
    if (typeof index !== "number" || !Number.isInteger(index) || index < 0 || index >= count) {
      throw new WrongAnswer(`a vector's "index" is not a whole number from 0 to ${String(count - 1)}`);
    }
    if (seen[index] === 1) throw new WrongAnswer(`two vectors for text ${String(index)}`);
    seen[index] = 1;
    const vector = toVector(embedding, index);
    length ??= vector.length;
    if (vector.length === 0) throw new WrongAnswer(`an empty vector for text ${String(index)}`);
    if (vector.length !== length || length > mostDimensions) {
      throw new WrongAnswer(
        `the vector of text ${String(index)} has ${String(vector.length)} dimensions, not ${String(length)}`,
      );
    }
    data ??= new Float32Array(count * length);
    data.set(vector, index * length);
  }
  if (data === undefined || length === undefined) throw new WrongAnswer("it has no vectors");
  if (!data.every(Number.isFinite)) throw new WrongAnswer("a number in it is not finite");
  return { data, dimensions: length, tokens: promptTokens(answer["usage"]) };
}

function parseObject(body: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    const isPage = /^\s*<(?:!doctype|html)/i.test(body);
    throw new WrongAnswer(isPage ? "a web page: does this network want a log-in?" : "it is not JSON");
  }
  if (typeof value !== "object" || value === null) throw new WrongAnswer("it is not a JSON object");
  return value as Record<string, unknown>;
}

function toVector(embedding: unknown, index: number): ArrayLike<number> {
  if (typeof embedding === "string") return decodeBase64(embedding, index);
  if (!Array.isArray(embedding)) {
    throw new WrongAnswer(`the vector of text ${String(index)} is neither an array nor a string`);
  }
  for (const value of embedding as unknown[]) {
    if (typeof value !== "number") {
      throw new WrongAnswer(`the vector of text ${String(index)} holds something that is not a number`);
    }
  }
  return embedding as number[];
}

/** Little-endian float32. Node's decoder skips what is not base64, so that damage would go unnoticed. */
function decodeBase64(text: string, index: number): Float32Array {
  const bytes = Buffer.from(text, "base64");
  if (text.length % 4 !== 0 || bytes.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new WrongAnswer(`the vector of text ${String(index)} is not base64 of whole float32 numbers`);
  }
  const vector = new Float32Array(bytes.length / 4);
  for (let i = 0; i < vector.length; i++) vector[i] = bytes.readFloatLE(4 * i);
  return vector;
}

function promptTokens(usage: unknown): number | undefined {
  const { prompt_tokens: tokens } = Object(usage) as { prompt_tokens?: unknown };
  return typeof tokens === "number" && Number.isInteger(tokens) && tokens >= 0 && tokens <= 0xffff_ffff
    ? tokens
    : undefined;
}
