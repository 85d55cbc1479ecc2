import { isUtf8 } from "node:buffer";

import { describe } from "../backends/check-options.js";
import type { EmbedOptions } from "../embedding-backend.js";
import type { EncodingFormat } from "./embeddings-body.js";
import { badRequest } from "./http-error.js";

/** The inputs of a request: texts, or the tokens of texts. */
export type Input =
  { readonly texts: readonly string[] } | { readonly tokenIds: readonly (readonly number[])[] };

/** A checked request to `/v1/embeddings`. */
export interface EmbeddingsRequest {
  readonly model: string | undefined;
  readonly input: Input;
  readonly format: EncodingFormat;
  readonly options: EmbedOptions<"float32">;
}

type Fields = Readonly<Record<string, unknown>>;

/** The object in a body of JSON. */
export function parseObject(body: Buffer): Fields {
  if (!isUtf8(body)) throw badRequest("the body is not UTF-8");
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    throw badRequest("the body is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest(`the body must be a JSON object, not ${describe(value)}`);
  }
  return value as Fields;
}

/**
 * Fields that are not known are ignored, as clients send some that concern others (`user`). `null` is as good as absent.
 *
 * @throws HttpError 400 with `param`.
 */
export function parseEmbeddingsRequest(fields: Fields, maxInputs: number): EmbeddingsRequest {
  return {
    model: readModel(fields),
    input: readInput(fields["input"], maxInputs),
    format: readChoice(fields, "encoding_format", ["float", "base64"]) ?? "float",
    options: readOptions(fields),
  };
}

export function readModel(fields: Fields): string | undefined {
  const model = fields["model"] ?? undefined;
  if (model !== undefined && typeof model !== "string") throw wrong("model", "a string", model);
  return model;
}

/** The fields that say how texts are embedded. */
export function readOptions(fields: Fields): EmbedOptions<"float32"> {
  const dimensions = fields["dimensions"] ?? undefined;
  if (dimensions !== undefined && !isDimensions(dimensions)) {
    throw wrong("dimensions", "a whole number from 1", dimensions);
  }
  const promptName = fields["prompt_name"] ?? undefined;
  if (promptName !== undefined && typeof promptName !== "string") {
    throw wrong("prompt_name", "a string", promptName);
  }
  const normalize = fields["normalize"] ?? undefined;
  if (normalize !== undefined && typeof normalize !== "boolean") {
    throw wrong("normalize", "true or false", normalize);
  }
  const inputType = readChoice(fields, "input_type", ["query", "document"]);
  const truncate = readChoice(fields, "truncate", ["end", "start", "error"]);
  return {
    ...(inputType !== undefined && { inputType }),
    ...(promptName !== undefined && { promptName }),
    ...(dimensions !== undefined && { dimensions }),
    ...(normalize !== undefined && { normalize }),
    ...(truncate !== undefined && { truncate }),
  };
}

function isDimensions(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 0x7fff_ffff;
}

function readChoice<Choice extends string>(
  fields: Fields,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const value = fields[name] ?? undefined;
  if (value === undefined) return undefined;
  const choice = choices.find((each) => each === value);
  if (choice === undefined) throw wrong(name, `one of ${choices.join(", ")}`, value);
  return choice;
}

/** A string, several, the tokens of one text or of several. */
function readInput(value: unknown, maxInputs: number): Input {
  if (typeof value === "string") return { texts: [value] };
  if (!Array.isArray(value)) {
    throw value === undefined || value === null
      ? badRequest('the field "input" is missing', "input")
      : wrong("input", "a string, an array of strings, or tokens", value);
  }
  if (value.length === 0) throw badRequest('"input" is empty', "input");
  if (typeof value[0] === "number") return { tokenIds: [readTokenIds(value)] };
  if (value.length > maxInputs) {
    throw badRequest(
      `"input" has ${String(value.length)} entries; the most are ${String(maxInputs)} in a request`,
      "input",
    );
  }
  if (Array.isArray(value[0])) return { tokenIds: value.map((each: unknown) => readTokenIds(each)) };
  return { texts: readTexts(value, "input") };
}

/** An array of strings, of which none is missing. */
export function readTexts(value: readonly unknown[], name: string): readonly string[] {
  for (let index = 0; index < value.length; index++) {
    if (typeof value[index] !== "string") throw wrong(`${name}[${String(index)}]`, "a string", value[index]);
  }
  return value as readonly string[];
}

function readTokenIds(value: unknown): readonly number[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw wrong("input", "an array of texts or of arrays of tokens, none of them empty", value);
  }
  for (const id of value as unknown[]) {
    if (!Number.isInteger(id) || Number(id) < 0 || Number(id) > 0xffff_ffff) {
      throw badRequest(`"input" holds a token that is ${describe(id)}, not a whole number from 0`, "input");
    }
  }
  return value as number[];
}

function wrong(param: string, expected: string, value: unknown): Error {
  return badRequest(`"${param}" must be ${expected}, not ${describe(value)}`, param);
}
