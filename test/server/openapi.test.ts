import SwaggerParser from "@apidevtools/swagger-parser";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";

import { createServer, type ServerOptions } from "../../src/server/index.js";
import { routes } from "../../src/server/router.js";
import { loadForTests, tinyModel } from "../native/support.js";

interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, { security?: unknown[]; responses: Record<string, unknown> }>>;
  components: { schemas: Record<string, Record<string, unknown>> };
}

const backend = await loadForTests(tinyModel);
const key = "a-key-of-this-test";

/** A server's `fetch`, with a key. It has no port: nothing is left of it when the tests end. */
async function start(options: Partial<ServerOptions> = {}): Promise<typeof fetch> {
  const server = await createServer({ models: { tiny: backend }, aliases: { other: "tiny" }, ...options });
  return (path, init = {}) => {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) headers.set("authorization", `Bearer ${key}`);
    headers.set("content-type", "application/json");
    return server.fetch(`http://localhost${path as string}`, { ...init, headers });
  };
}

const ask = await start({ tokenIds: "model" });
const document = (await (await ask("/openapi.json")).json()) as OpenApi;

/** Checks answers as a client that was made from the document would. */
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema({ $id: "doc", ...document });

/** What is wrong with a value of one of the document's schemas. */
function complaints(schema: string, value: unknown): string {
  ajv.validate({ $ref: `doc#/components/schemas/${schema}` }, value);
  return ajv.errorsText();
}

const post = (path: string, body: unknown): Promise<Response> =>
  ask(path, { method: "POST", body: JSON.stringify(body) });

describe("/openapi.json", () => {
  it("is OpenAPI 3.1, by a validator of others", async () => {
    expect(document.openapi).toBe("3.1.0");
    // It resolves references in place.
    await SwaggerParser.validate(structuredClone(document) as never);
  });

  it("has every route of the server, and no other", () => {
    const served = routes.map(({ method, path }) => `${method} ${path.replace("/*", "/{model}")}`);
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(served.filter((route) => !route.startsWith("GET /page/")).sort());
  });

  it("says where a key is needed, and is to be had without one", async () => {
    const withKey = await start({ apiKeys: [key] });
    const response = await withKey("/openapi.json", { headers: { authorization: "none" } });
    const { paths } = (await response.json()) as OpenApi;
    for (const [path, methods] of Object.entries(paths)) {
      if (path.includes("{")) continue;
      for (const [method, { security }] of Object.entries(methods)) {
        const { status } = await withKey(path, { method, headers: { authorization: "none" } });
        expect([path, status === 401]).toEqual([path, security?.length === 1]);
      }
    }
  });
});

describe("what the server answers", () => {
  it.each([
    ["EmbeddingsAnswer", "/v1/embeddings", { input: "a text" }],
    [
      "EmbeddingsAnswer",
      "/embeddings",
      { input: ["a text", "another"], encoding_format: "base64", input_type: "query" },
    ],
    ["EmbeddingsAnswer", "/v1/embeddings", { input: "word ".repeat(500), model: "other", truncate: "start" }],
    [
      "EmbeddingsAnswer",
      "/v1/embeddings",
      { input: [[5, 6], [7]], dimensions: null, normalize: true, user: "me" },
    ],
    ["TokenizeAnswer", "/tokenize", { input: ["a text", ""], add_special_tokens: false }],
    ["SimilarityAnswer", "/similarity", { input: ["a", "b"], compare_with: "c" }],
  ])("is a %s for %s %j, and the request one of the document's", async (schema, path, body) => {
    const response = await post(path, body);
    const answer: unknown = await response.json();
    expect([response.status, answer]).toEqual([200, expect.anything()]);
    expect(complaints(schema, answer)).toBe("No errors");
    expect(complaints(schema.replace("Answer", "Request"), body)).toBe("No errors");
  });

  it.each([
    ["ModelList", "/v1/models"],
    ["Model", "/v1/models/tiny"],
    ["Model", "/v1/models/other"],
    ["Health", "/health"],
    ["Readiness", "/ready"],
    ["Info", "/info"],
  ])("is a %s for %s", async (schema, path) => {
    const response = await ask(path);
    expect(response.status).toBe(200);
    expect(complaints(schema, await response.json())).toBe("No errors");
  });

  it.each([
    ["/v1/embeddings", {}],
    ["/v1/embeddings", { input: [] }],
    ["/v1/embeddings", { input: [1, "a"] }],
    ["/v1/embeddings", { input: [[]] }],
    ["/v1/embeddings", { input: "a", encoding_format: "hex" }],
    ["/v1/embeddings", { input: "a", dimensions: 0 }],
    ["/v1/embeddings", { input: "a", truncate: "middle" }],
    ["/v1/embeddings", { input: "a", normalize: "yes" }],
    ["/tokenize", { input: [1] }],
    ["/similarity", { input: "a", compare_with: {} }],
  ])("is an error for %s %j, which the document does not allow either", async (path, body) => {
    const name =
      path === "/tokenize"
        ? "TokenizeRequest"
        : path === "/similarity"
          ? "SimilarityRequest"
          : "EmbeddingsRequest";
    const response = await post(path, body);
    expect(response.status).toBe(400);
    expect(complaints("Error", await response.json())).toBe("No errors");
    expect(complaints(name, body)).not.toBe("No errors");
  });

  it("takes no more inputs than the document says", async () => {
    const few = await start({ maxInputs: 3 });
    const { components } = (await (await few("/openapi.json")).json()) as OpenApi;
    expect(JSON.stringify(components.schemas["EmbeddingsRequest"])).toContain('"maxItems":3');
    const body = JSON.stringify({ input: ["a", "b", "c", "d"] });
    expect((await few("/v1/embeddings", { method: "POST", body })).status).toBe(400);
  });
});
