import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import type { QdrantClient } from "@qdrant/js-client-rest";
import { execFileSync } from "node:child_process";
import { afterAll, describe, expect, it } from "vitest";

import { fromPgVector, toPgBit, toPgVector, toQdrantPoints } from "candle-embed/vector-stores";

import { getPipPackage } from "../../scripts/get-pip-package.mjs";
import { loadPrompted, texts } from "./support.js";

const { backend, documents } = await loadPrompted();
const embeddings = await backend.embedDocuments(texts);
const { dimensions } = backend;

describe("PostgreSQL with pgvector", async () => {
  const db = await PGlite.create({ extensions: { vector } });
  afterAll(() => db.close());
  await db.exec("CREATE EXTENSION vector");
  const one = async (sql: string, values: unknown[]): Promise<string> => {
    const { rows } = await db.query<{ value: string }>(sql, values);
    return rows[0]?.value as string;
  };

  it("reads the same float32, and its answers are read back", async () => {
    for (const row of embeddings) {
      const value = await one("SELECT $1::vector AS value", [toPgVector(row)]);
      expect(fromPgVector(value)).toEqual(row);
      expect(fromPgVector(toPgVector(row))).toEqual(row);
    }
    const extreme = Float32Array.of(1e-40, -0, 3.4028235e38, 0.1, -1 / 3, 1e-7);
    // PostgreSQL prints no minus before a zero.
    expect(
      fromPgVector(await one("SELECT $1::vector AS value", [toPgVector(extreme)])).map((x) => x + 0),
    ).toEqual(extreme.map((x) => x + 0));
    expect(await one("SELECT $1::halfvec AS value", ["[0.5,1]"])).toBe("[0.5,1]");
  });

  it("ranks by cosine and by the Hamming distance of bits", async () => {
    const size = String(dimensions);
    await db.exec(`CREATE TABLE items (id int, v vector(${size}), b bit(${size}), s bit(${size}))`);
    const packed = await backend.embedDocuments(texts, { outputType: "ubinary" });
    const signed = await backend.embedDocuments(texts, { outputType: "binary" });
    for (let id = 0; id < texts.length; id++) {
      await db.query("INSERT INTO items VALUES ($1, $2, $3, $4)", [
        ...[id, toPgVector(embeddings.at(id)), toPgBit(packed.at(id)), toPgBit(signed.at(id))],
      ]);
    }
    for (let id = 0; id < texts.length; id++) {
      const by = (order: string, value: string): Promise<string> =>
        one(`SELECT id AS value FROM items ORDER BY ${order} LIMIT 1`, [value]);
      expect(await by("v <=> $1::vector", toPgVector(embeddings.at(id)))).toBe(id);
      expect(await by(`b <~> $1::bit(${size})`, toPgBit(packed.at(id)))).toBe(id);
    }
    expect(await one("SELECT count(*)::int AS value FROM items WHERE b <> s", [])).toBe(0);
    const signs = Array.from(embeddings.at(0), (value) => (value > 0 ? "1" : "0")).join("");
    expect(toPgBit(packed.at(0))).toBe(signs);
  });

  it("refuses what PostgreSQL would, and what is no vector", () => {
    expect(() => toPgVector(Float32Array.of(1, NaN))).toThrow(/component 1 of the vector is NaN/);
    expect(() => toPgVector([1] as never)).toThrow(/must be a Float32Array/);
    expect(() => toPgBit("0101" as never)).toThrow(/must be a Uint8Array/);
    for (const text of ["", "[]", "1,2", "[1,x]"]) {
      expect(() => fromPgVector(text)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
    }
  });
});

const qdrant = await getPipPackage("qdrant-client", "1.19.0", ["numpy"]);

describe("Qdrant", () => {
  const ids = [1, 2, "5c56c793-69f3-4fbf-87e6-c4bf54c28c26", 4];
  const payloads = texts.map((text) => ({ text }));

  it("gets points that its client for Node takes", () => {
    const points: Parameters<QdrantClient["upsert"]>[1] = {
      points: toQdrantPoints(embeddings, { ids, payloads, vectorName: "text" }),
    };
    expect(points).toMatchObject({
      points: documents.map((row, at) => ({ id: ids[at], vector: { text: row }, payload: payloads[at] })),
    });
  });

  it.skipIf(qdrant.path === undefined)(`finds them again ${qdrant.reason ?? ""}`, async () => {
    if (qdrant.path === undefined) throw new Error(qdrant.reason);
    const bytes = await backend.embedDocuments(texts, { outputType: "uint8" });
    const program = `
import json, sys
from qdrant_client import QdrantClient
from qdrant_client.models import Distance, PointStruct, VectorParams, Datatype
client = QdrantClient(":memory:")
data = json.load(sys.stdin)
found = []
for name, kind in (("floats", Datatype.FLOAT32), ("bytes", Datatype.UINT8)):
    client.create_collection(name, vectors_config=VectorParams(size=${String(dimensions)}, distance=Distance.COSINE, datatype=kind))
    client.upsert(name, points=[PointStruct(**point) for point in data[name]])
    found.append([client.query_points(name, query=point["vector"], limit=1).points[0].id for point in data[name]])
print(json.dumps(found))`;
    const output = execFileSync(qdrant.python, ["-c", program], {
      input: JSON.stringify({
        floats: toQdrantPoints(embeddings, { ids, payloads }),
        bytes: toQdrantPoints(bytes, { ids }),
      }),
      env: { ...process.env, PYTHONPATH: qdrant.path, PYTHONWARNINGS: "ignore" },
      encoding: "utf8",
    });
    expect(JSON.parse(output)).toEqual([ids, ids]);
  });

  it("refuses ids that Qdrant has not, lists of another length, and bits", async () => {
    expect(() => toQdrantPoints(embeddings, { ids: [1, 2, 3, "four"] })).toThrow(
      /whole numbers from 0 and UUIDs/,
    );
    expect(() => toQdrantPoints(embeddings, { ids: [1] })).toThrow(/ids must be an array of 4/);
    expect(() => toQdrantPoints(embeddings, { ids, payloads: [] })).toThrow(/payloads must be an array of 4/);
    const bits = await backend.embedDocuments(texts, { outputType: "ubinary" });
    expect(() => toQdrantPoints(bits, { ids })).toThrow(/not ubinary/);
  });
});
