// The Cranfield collection of the data folder ($CANDLE_EMBED_TEST_DATA, or shared/data beside the repository), embedded once:
// title and beginning of each abstract. Stores are compared, for which whole ones are no better and take three times as long.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";

import {
  dotProduct,
  Embeddings,
  topK,
  type EmbeddingBackend,
  type EmbedOptions,
  type SearchHit,
} from "candle-embed";

import { loadForTests, root } from "../native/support.js";

const folder = path.join(
  process.env["CANDLE_EMBED_TEST_DATA"] ?? path.join(root, "../shared/data"),
  "cranfield",
);

export const noCranfield = existsSync(folder) ? undefined : `there is no folder ${folder}`;

/** What a store finds: rows, best first. */
export type Found = readonly number[];

export interface Cranfield {
  readonly backend: EmbeddingBackend;
  readonly documents: readonly string[];
  readonly queries: readonly string[];
  readonly vectors: Embeddings;
  /** Fails unless a store's answers are the exact ones; vectors that are equally near may change places. */
  readonly expectExact: (answers: readonly Found[]) => void;
}

/** Some 70 tokens. */
const documentLength = 360;

function read(name: string): string[] {
  const lines = readFileSync(path.join(folder, name), "utf8").trimEnd().split("\n");
  return lines.map((line) => {
    const { title = "", text } = JSON.parse(line) as { title?: string; text: string };
    return `${title} ${text}`.trim().slice(0, documentLength);
  });
}

/** Every store embeds the same texts, which takes four to fifteen seconds each time: what is known is not embedded again. */
function remembering(backend: EmbeddingBackend): EmbeddingBackend {
  const known = new Map<string, Float32Array>();
  const embed = async (texts: readonly string[], options: EmbedOptions = {}): Promise<Embeddings> => {
    const key = (text: string): string => `${String(options.inputType)} ${text}`;
    const fresh = texts.filter((text) => !known.has(key(text)));
    if (fresh.length > 0) {
      const vectors = (await backend.embed(fresh, options)) as Embeddings;
      fresh.forEach((text, index) => known.set(key(text), vectors.at(index)));
    }
    const data = new Float32Array(texts.length * backend.dimensions);
    texts.forEach((text, index) => {
      data.set(known.get(key(text)) as Float32Array, index * backend.dimensions);
    });
    const tokens = new Uint32Array(texts.length);
    return new Embeddings({ data, dimensions: backend.dimensions, tokens, truncated: [], backend: "native" });
  };
  const replaced: Partial<Record<keyof EmbeddingBackend, unknown>> = {
    embed: (texts: string | string[], options?: EmbedOptions) => embed([texts].flat(), options),
    embedDocuments: (texts: string[], options?: EmbedOptions) =>
      embed(texts, { ...options, inputType: "document" }),
    embedQuery: async (text: string, options?: EmbedOptions) =>
      (await embed([text], { ...options, inputType: "query" })).data,
  };
  return new Proxy(backend, {
    get: (target, name) =>
      Object.hasOwn(replaced, name)
        ? replaced[name as keyof EmbeddingBackend]
        : (Reflect.get(target, name, target) as unknown),
  });
}

export async function loadCranfield(): Promise<Cranfield> {
  const backend = remembering(await loadForTests());
  const [documents, queries] = [read("corpus.jsonl"), read("queries.jsonl").slice(0, 50)];
  const vectors = await backend.embedDocuments(documents);
  const asked = await Promise.all(queries.map((query) => backend.embedQuery(query)));
  const exact: SearchHit[][] = asked.map((query) => topK(query, vectors, 10));
  const expectExact = (answers: readonly Found[]): void => {
    expect(answers).toHaveLength(queries.length);
    answers.forEach((answer, at) => {
      const scores = answer.map((row) => dotProduct(asked[at] as Float32Array, vectors.at(row)));
      expect(new Set(answer).size).toBe(answer.length);
      const best = exact[at]?.slice(0, answer.length).map(({ score }) => score) as number[];
      const far = scores.findIndex((score, place) => Math.abs(score - (best[place] as number)) > 1e-6);
      expect(far, `query ${String(at)}: place ${String(far)} of ${answer.join(", ")}`).toBe(-1);
    });
  };
  return { backend, documents, queries, vectors, expectExact };
}
