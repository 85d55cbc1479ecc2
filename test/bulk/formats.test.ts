import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

import { getVectorReaders } from "../../scripts/get-vector-readers.mjs";
import { corpus, Workplace } from "./support.js";

const place = new Workplace();
place.write("corpus.jsonl", corpus(700));
const found = await getVectorReaders();

async function runPython(program: string): Promise<unknown> {
  if (found.path === undefined) throw new Error(found.reason);
  const { stdout } = await promisify(execFile)(found.python, ["-c", program], {
    cwd: place.folder,
    env: { PATH: process.env["PATH"], PYTHONPATH: found.path },
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(stdout) as unknown;
}

/** Prints the table's types and rows, the vectors as bytes. */
const show = `
def show(table, kind="float"):
    rows = table.drop_columns(["embedding"]).to_pylist()
    vectors = np.array(table["embedding"].to_pylist(), dtype={"float": "<f4", "int8": "i1", "uint8": "u1"}[kind])
    print(json.dumps({"types": {f.name: str(f.type) for f in table.schema}, "rows": rows, "vectors": vectors.tobytes().hex()}))
`;

const readers = {
  parquet: `import json, numpy as np, pyarrow.parquet as pq${show}show(pq.read_table(FILE), KIND)`,
  arrow: `import json, numpy as np, pyarrow as pa${show}show(pa.ipc.open_file(FILE).read_all(), KIND)`,
  lance: `import json, numpy as np, lance${show}show(lance.dataset(FILE).to_table(), KIND)`,
};

interface Shown {
  types: Record<string, string>;
  rows: Record<string, unknown>[];
  vectors: string;
}

async function readTable(format: keyof typeof readers, file: string, kind = "float"): Promise<Shown> {
  const program = readers[format].replace("FILE", JSON.stringify(file)).replace("KIND", JSON.stringify(kind));
  return (await runPython(program)) as Shown;
}

describe.skipIf(found.path === undefined)(`numpy, pyarrow and Python's lance ${found.reason ?? ""}`, () => {
  it("read the same numbers from npy, f32 and JSONL", async () => {
    for (const format of ["npy", "f32", "jsonl"]) await place.embed("corpus.jsonl", `v.${format}`);
    const program = `
import json, numpy as np
npy, f32 = np.load("v.npy"), np.fromfile("v.f32", dtype="<f4")
jsonl = np.array([json.loads(line)["embedding"] for line in open("v.jsonl")], dtype="<f4")
print(json.dumps([npy.shape, npy.dtype.str, bool((npy.ravel() == f32).all()), bool((npy == jsonl).all())]))`;
    expect(await runPython(program)).toEqual([[693, 32], "<f4", true, true]);
  });

  it.each(["parquet", "arrow", "lance"] as const)(
    "read %s: types, every record, every vector",
    async (format) => {
      await place.embed("corpus.jsonl", "v.jsonl");
      expect(await place.embed("corpus.jsonl", `v.${format}`)).toMatchObject({ code: 0 });
      const { types, rows, vectors } = await readTable(format, `v.${format}`);
      expect(types).toMatchObject({
        index: "int64",
        id: "string",
        text: "string",
        title: "string",
        year: "int64",
      });
      expect(types["embedding"]).toBe(
        {
          parquet: "list<element: float not null>",
          arrow: "fixed_size_list<item: float not null>[32]",
          lance: "fixed_size_list<item: float>[32]",
        }[format],
      );
      const records = place.records("v.jsonl");
      expect(rows).toEqual(
        records.map(({ index, id, text, tokens, truncated, metadata }) => ({
          ...{ index, id, text, tokens, truncated },
          year: null,
          ...metadata,
        })),
      );
      const expected = Float32Array.from(records.flatMap(({ embedding }) => embedding));
      expect(vectors).toBe(Buffer.from(expected.buffer).toString("hex"));
    },
  );

  it.each(["parquet", "arrow"] as const)("read %s of bytes, of odd records and of none", async (format) => {
    const records = [
      { text: "a", id: 1, mixed: 1, number: 1, nested: { a: [1] }, tokens: 5, tokens_: "x", none: null },
      { text: "b", id: "two", mixed: "two", number: 2.5, flag: true, nested: "plain" },
      { text: "", id: 3, mixed: false, number: 9_007_199_254_740_991 },
    ];
    place.write("odd.jsonl", records.map((record) => `${JSON.stringify(record)}\n`).join(""));
    await place.embed("odd.jsonl", `odd.${format}`, "--output-type", "int8");
    const { types, rows } = await readTable(format, `odd.${format}`, "int8");
    expect(types["embedding"]).toContain("int8");
    expect(rows).toEqual([
      {
        index: 0,
        id: "1",
        text: "a",
        mixed: "1",
        number: 1,
        nested: '{"a":[1]}',
        tokens__: 5,
        tokens_: "x",
        flag: null,
        tokens: 3,
        truncated: false,
      },
      {
        index: 1,
        id: "two",
        text: "b",
        mixed: "two",
        number: 2.5,
        nested: "plain",
        tokens__: null,
        tokens_: null,
        flag: true,
        tokens: 3,
        truncated: false,
      },
      {
        index: 2,
        id: "3",
        text: "",
        mixed: "false",
        number: 9_007_199_254_740_991,
        nested: null,
        tokens__: null,
        tokens_: null,
        flag: null,
        tokens: 2,
        truncated: false,
      },
    ]);
    place.write("none.jsonl", "");
    await place.embed("none.jsonl", `none.${format}`, "--no-text");
    const none = await readTable(format, `none.${format}`);
    expect([Object.keys(none.types), none.rows]).toEqual([["index", "tokens", "truncated", "embedding"], []]);
  });

  it("write Parquet that is read: groups, dictionaries, compression, dates, whole numbers, missing texts", async () => {
    await runPython(`
import json, datetime, pyarrow as pa, pyarrow.parquet as pq
rows = [{"key": i, "body": None if i == 7 else f"text {i % 50} é", "day": datetime.datetime(2024, 1, 1 + i % 28), "big": 2**60 + i, "list": [i, 1]} for i in range(500)]
for codec in ["zstd", "snappy", "gzip", "none"]:
    pq.write_table(pa.Table.from_pylist(rows), f"in-{codec}.parquet", row_group_size=120, compression=codec)
print("0")`);
    for (const codec of ["zstd", "snappy", "gzip", "none"]) {
      const fields = ["--text-field", "body", "--id-field", "key"];
      const end = await place.embed(`in-${codec}.parquet`, `in-${codec}.jsonl`, ...fields);
      expect(end).toMatchObject({ code: 0 });
      const records = place.records(`in-${codec}.jsonl`);
      expect(records.length).toBe(499);
      expect(records[8]).toMatchObject({
        index: 9,
        id: 9,
        text: "text 9 é",
        metadata: { day: "2024-01-10T00:00:00.000Z", big: String(2n ** 60n + 9n), list: [9, 1] },
      });
      expect(place.read(`in-${codec}.jsonl.errors.jsonl`).toString()).toBe(
        '{"line":8,"index":7,"reason":"has no field \\"body\\" with a string"}\n',
      );
    }
    const parts: Buffer[] = [];
    for (const shard of ["0/3", "1/3", "2/3"]) {
      await place.embed(
        "in-zstd.parquet",
        "part.jsonl",
        "--text-field",
        "body",
        "--id-field",
        "key",
        "--shard",
        shard,
      );
      parts.push(place.read("part.jsonl"));
    }
    expect(Buffer.concat(parts).equals(place.read("in-zstd.jsonl"))).toBe(true);
  });
});

it("names the columns of a Parquet file that lacks the one asked for, and a file that is none", async () => {
  place.write("broken.parquet", "PAR1 no such thing PAR1");
  expect((await place.embed("broken.parquet", "x.jsonl")).stderr).toMatch(/cannot be read as Parquet/);
});

it("refuses a folder that is no Lance dataset, and tables without a file", async () => {
  const into = await place.embed(
    "corpus.jsonl",
    path.basename(place.folder),
    "--format",
    "lance",
    "--output",
    place.folder,
  );
  expect(into).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/is there and no Lance dataset/) as string,
  });
});
