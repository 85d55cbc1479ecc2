/** A JSON Schema (2020-12), as OpenAPI 3.1 uses them. */
export type Schema = Readonly<Record<string, unknown>>;

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

const object = (properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema => ({
  type: "object",
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
});

const list = (items: Schema): Schema => ({ type: "array", items });
const count: Schema = { type: "integer", minimum: 0 };
const orNull = (type: string): Schema => ({ type: [type, "null"] });

const tokenIds: Schema = {
  type: "array",
  items: { type: "integer", minimum: 0, maximum: 0xffff_ffff },
  minItems: 1,
};

/** One text or several. */
const texts = (maxInputs: number): Schema => ({
  oneOf: [{ type: "string" }, { type: "array", items: { type: "string" }, minItems: 1, maxItems: maxInputs }],
});

const model: Schema = {
  type: ["string", "null"],
  description: "A name or alias that GET /v1/models lists. Default: the server's first model.",
};

/** Fields of our own, which say how texts are embedded. */
const embedOptions: Readonly<Record<string, Schema>> = {
  dimensions: {
    type: ["integer", "null"],
    minimum: 1,
    description:
      "Keeps the first so many dimensions. For models that were trained for it; others answer with 400.",
  },
  input_type: {
    enum: ["query", "document", null],
    description: "What a text is to a search: takes the model's prompt for it. An extension.",
  },
  prompt_name: {
    type: ["string", "null"],
    description: "A prompt of the model's by its name (/info lists them). An extension.",
  },
  truncate: {
    enum: ["end", "start", "error", null],
    description:
      "Which end of a text that is too long is cut, or that it is refused. Default: end. An extension.",
  },
  normalize: {
    type: ["boolean", "null"],
    description: "true for vectors of length 1, false for the model's raw ones. An extension.",
  },
};

const usage = object({ prompt_tokens: count, total_tokens: count });

/** The schemas of requests and answers, with the limits of this server. */
export function schemas(maxInputs: number): Readonly<Record<string, Schema>> {
  return {
    EmbeddingsRequest: {
      ...object(
        {
          input: {
            oneOf: [
              { type: "string" },
              { type: "array", items: { type: "string" }, minItems: 1, maxItems: maxInputs },
              { ...tokenIds, description: "The tokens of one text." },
              { type: "array", items: tokenIds, minItems: 1, maxItems: maxInputs },
            ],
          },
          model,
          encoding_format: {
            enum: ["float", "base64", null],
            description: "Numbers (default), or the base64 of little-endian float32.",
          },
          user: { description: "Ignored, as are fields that are not named here." },
          ...embedOptions,
        },
        ["model", "encoding_format", "user", ...Object.keys(embedOptions)],
      ),
    },
    Embedding: object({
      object: { const: "embedding" },
      index: { ...count, description: "Which input; the list is in their order." },
      embedding: { oneOf: [list({ type: "number" }), { type: "string", contentEncoding: "base64" }] },
    }),
    EmbeddingsAnswer: object(
      {
        object: { const: "list" },
        data: list(ref("Embedding")),
        model: { type: "string" },
        usage: ref("Usage"),
        truncated: {
          ...list(count),
          description: "Which inputs were too long and were cut; only there where some were. An extension.",
        },
      },
      ["truncated"],
    ),
    Usage: usage,
    Model: object({
      id: { type: "string" },
      object: { const: "model" },
      created: { ...count, description: "When it was ready, in seconds since the epoch." },
      owned_by: { type: "string" },
    }),
    ModelList: object({ object: { const: "list" }, data: list(ref("Model")) }),
    TokenizeRequest: object(
      { input: texts(maxInputs), model, add_special_tokens: { type: ["boolean", "null"], default: true } },
      ["model", "add_special_tokens"],
    ),
    TokenizeAnswer: object({
      object: { const: "list" },
      data: list(
        object({
          object: { const: "tokens" },
          index: count,
          tokens: list(count),
          offsets: {
            ...list({ type: "array", prefixItems: [count, count], items: false, minItems: 2 }),
            description: "Start and end of each token in its text, in UTF-16 units.",
          },
        }),
      ),
      model: { type: "string" },
      usage: ref("Usage"),
    }),
    SimilarityRequest: object(
      { input: texts(maxInputs), compare_with: texts(maxInputs), model, ...embedOptions },
      ["compare_with", "model", ...Object.keys(embedOptions)],
    ),
    SimilarityAnswer: object({
      object: { const: "list" },
      scores: {
        ...list(list({ type: "number" })),
        description:
          "A row for each text of input; in it the cosine to each of compare_with, or else of input.",
      },
      model: { type: "string" },
      usage: ref("Usage"),
    }),
    Info: object({
      version: { type: "string" },
      status: ref("State"),
      started_at: { type: "string", format: "date-time" },
      models: list(ref("ModelInfo")),
      limits: object({
        max_inputs: count,
        max_body_bytes: count,
        max_queue: count,
        batch_tokens: count,
        token_ids: { type: "string" },
      }),
    }),
    ModelInfo: object(
      {
        id: { type: "string" },
        aliases: list({ type: "string" }),
        ready: { type: "boolean" },
        model_id: { type: "string" },
        revision: { type: "string" },
        dimensions: count,
        max_tokens: orNull("integer"),
        pooling: { type: "string" },
        normalized: { type: "boolean" },
        prompt_names: list({ type: "string" }),
        space: { type: "string", description: "Vectors of the same space can be compared." },
        device: { type: "string" },
        dtype: { type: "string" },
      },
      [
        ...[
          "model_id",
          "revision",
          "dimensions",
          "max_tokens",
          "pooling",
          "normalized",
          "prompt_names",
          "space",
        ],
        ...["device", "dtype"],
      ],
    ),
    State: { enum: ["loading", "ready", "failed", "draining"] },
    Health: object({ status: { const: "ok" } }),
    Readiness: object({ status: ref("State") }),
    Error: object({
      error: object({
        message: { type: "string" },
        type: { type: "string" },
        param: { ...orNull("string"), description: "The field that is to blame." },
        code: orNull("string"),
      }),
    }),
  };
}
