import { schemas, type Schema } from "./schemas.js";

/** What of a server its document depends on. */
export interface DocumentedServer {
  /** Of the package. */
  readonly version: string;
  readonly maxInputs: number;
  readonly maxBodyBytes: number;
  /** Whether requests need an API key. */
  readonly needsKey: boolean;
  /** Who may read `/metrics`. */
  readonly metrics: "key" | "public" | "off";
}

interface Operation {
  readonly id: string;
  readonly summary: string;
  readonly tag: "Embeddings" | "Operation";
  /** Answered without a key. */
  readonly open?: boolean;
  /** The schema of the request's body. */
  readonly request?: string;
  /** The schema of the answer. */
  readonly answer: string | Readonly<Record<string, Schema>>;
  readonly parameters?: readonly Schema[];
  /** Statuses of errors besides those of every operation. */
  readonly errors: readonly number[];
}

const errorDescriptions: Readonly<Record<number, string>> = {
  400: "The request is wrong, and would be wrong again. `error.param` names the field.",
  401: "A valid API key is needed.",
  403: "The `Host` or the `Origin` of the request is not one that this server allows.",
  404: "There is no such model or path.",
  413: "The body is too large.",
  415: "The body is compressed, or no JSON.",
  429: "Too many requests are waiting. `Retry-After` and `retry-after-ms` say when to try again.",
  500: "The server failed, or the model could not be loaded; its log says why, under the answer's `x-request-id`.",
  503: "The model is still loading, the server is shutting down, or an API behind it does not answer.",
};

const bodyErrors = [400, 404, 413, 415, 429, 500, 503];
const text: Schema = { type: "string" };

function operations(
  metrics: DocumentedServer["metrics"],
): Readonly<Record<string, Partial<Record<"get" | "post", Operation>>>> {
  const embeddings = (id: string): { post: Operation } => ({
    post: {
      id,
      summary: "Embeds texts. What OpenAI's API takes and answers, with fields of our own.",
      tag: "Embeddings",
      request: "EmbeddingsRequest",
      answer: "EmbeddingsAnswer",
      errors: bodyErrors,
    },
  });
  const get = (id: string, summary: string, answer: Operation["answer"], more: Partial<Operation> = {}) => ({
    get: { id, summary, tag: "Operation", answer, errors: [], ...more } satisfies Operation,
  });
  return {
    "/v1/embeddings": embeddings("createEmbeddings"),
    "/embeddings": embeddings("createEmbeddingsWithoutVersion"),
    "/v1/models": get("listModels", "Lists the models and their aliases.", "ModelList", {
      tag: "Embeddings",
    }),
    "/v1/models/{model}": get("getModel", "One model, by name or alias.", "Model", {
      tag: "Embeddings",
      parameters: [{ name: "model", in: "path", required: true, schema: text }],
      errors: [404],
    }),
    "/tokenize": {
      post: {
        id: "tokenize",
        summary: "The tokens of texts, and where they stand.",
        tag: "Embeddings",
        request: "TokenizeRequest",
        answer: "TokenizeAnswer",
        errors: bodyErrors,
      },
    },
    "/similarity": {
      post: {
        id: "similarity",
        summary: "Cosine similarities of texts.",
        tag: "Embeddings",
        request: "SimilarityRequest",
        answer: "SimilarityAnswer",
        errors: bodyErrors,
      },
    },
    "/health": get("health", "Whether the process lives; also while it loads or drains.", "Health", {
      open: true,
    }),
    "/ready": get(
      "ready",
      "Whether it takes requests: 503 while it loads and while it drains.",
      "Readiness",
      {
        open: true,
      },
    ),
    ...(metrics !== "off" && {
      "/metrics": get(
        "metrics",
        "Figures for Prometheus.",
        { "text/plain; version=0.0.4; charset=utf-8": text },
        { open: metrics === "public" },
      ),
    }),
    "/info": get("info", "What the models and the server's limits are.", "Info"),
    "/openapi.json": get(
      "openApi",
      "This document.",
      { "application/json": { type: "object" } },
      { open: true },
    ),
    "/": get(
      "page",
      "A page to try the server in a browser.",
      { "text/html; charset=utf-8": text },
      { open: true },
    ),
  };
}

/** The server's routes as an OpenAPI 3.1 document. */
export function openApiDocument(server: DocumentedServer): object {
  const paths = Object.entries(operations(server.metrics)).map(([path, methods]) => [
    path,
    Object.fromEntries(
      Object.entries(methods).map(([method, operation]) => [method, describeOperation(operation, server)]),
    ),
  ]);
  return {
    openapi: "3.1.0",
    info: {
      title: "candle-embed",
      version: server.version,
      summary: "Text embeddings, by the API that OpenAI's clients speak",
      license: { name: "MIT", identifier: "MIT" },
    },
    // Where the document is: also behind a proxy's prefix.
    servers: [{ url: "." }],
    tags: [
      { name: "Embeddings", description: "What clients use." },
      { name: "Operation", description: "For whoever runs the server." },
    ],
    paths: Object.fromEntries(paths) as object,
    components: {
      schemas: schemas(server.maxInputs),
      responses: Object.fromEntries(
        Object.entries(errorDescriptions).map(([status, description]) => [
          `Error${status}`,
          { description, content: jsonContent("Error") },
        ]),
      ),
      ...(server.needsKey && { securitySchemes: { key: { type: "http", scheme: "bearer" } } }),
    },
  };
}

function describeOperation(operation: Operation, { needsKey, maxBodyBytes }: DocumentedServer): object {
  const { id, summary, tag, request, answer, parameters, open = false } = operation;
  const errors = [...operation.errors, 403, ...(needsKey && !open ? [401] : [])];
  const isReadiness = answer === "Readiness";
  return {
    operationId: id,
    summary,
    tags: [tag],
    ...(needsKey && { security: open ? [] : [{ key: [] }] }),
    ...(parameters !== undefined && { parameters }),
    ...(request !== undefined && {
      requestBody: {
        required: true,
        description: `At most ${String(maxBodyBytes)} bytes, not compressed.`,
        content: jsonContent(request),
      },
    }),
    responses: {
      200: {
        description: "Done.",
        headers: {
          "x-request-id": { description: "The client's own, or a new one.", schema: text },
          "openai-processing-ms": { description: "Milliseconds in the server.", schema: text },
        },
        content:
          typeof answer === "string"
            ? jsonContent(answer)
            : Object.fromEntries(Object.entries(answer).map(([type, schema]) => [type, { schema }])),
      },
      ...Object.fromEntries(
        errors.map((status) => [status, { $ref: `#/components/responses/Error${String(status)}` }]),
      ),
      ...(isReadiness && { 503: { description: "Not now.", content: jsonContent(answer) } }),
    },
  };
}

function jsonContent(schema: string): object {
  return { "application/json": { schema: { $ref: `#/components/schemas/${schema}` } } };
}
