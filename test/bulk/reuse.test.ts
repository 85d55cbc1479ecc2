import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

import { getNodeWithSqlite } from "../../scripts/get-node.mjs";
import { Embeddings, type OutputVector } from "candle-embed";
import { CandleEmbedError } from "../../src/errors.js";
import { Reuse } from "../../src/bulk/reuse.js";
import { RowMemory } from "../../src/bulk/row-memory.js";
import { FakeApi } from "../api/fake-api.js";
import { root } from "../native/support.js";
import { finished, startCli, tinyModel, Workplace } from "./support.js";

const place = new Workplace();

function embeddings(texts: readonly string[]): Embeddings<OutputVector> {
  return new Embeddings<OutputVector>({
    data: Float32Array.from(texts.flatMap((text) => [text.length, text.charCodeAt(0) || 0])),
    dimensions: 2,
    tokens: Uint32Array.from(texts, (text) => text.length),
    truncated: texts.flatMap((text, i) => (text.startsWith("long") ? [i] : [])),
    backend: "native",
  });
}

/** The class of the sources and that of the build are two. */
function fieldsOf({ data, tokens, truncated, backend, outputType }: Embeddings<OutputVector>): unknown {
  return { data, tokens, truncated, backend, outputType };
}

describe("texts that come again", () => {
  it("are embedded once, in a batch, in a later one and in one that begins meanwhile", async () => {
    const seen: string[] = [];
    const embed = async (texts: readonly string[]): Promise<Embeddings<OutputVector>> => {
      seen.push(...texts);
      await new Promise((resolve) => setTimeout(resolve, 5));
      return embeddings(texts);
    };
    const reuse = new Reuse(embed, embeddings([]), [new RowMemory()]);
    const batches = [
      ["a", "b", "a"],
      ["b", "long c", ""],
      ["long c", "a", "d"],
    ];
    const [first, second] = await Promise.all([reuse.embed(batches[0] ?? []), reuse.embed(batches[1] ?? [])]);
    const third = await reuse.embed(batches[2] ?? []);
    expect(seen).toEqual(["a", "b", "long c", "", "d"]);
    expect(reuse.embedded).toBe(5);
    for (const [i, result] of [first, second, third].entries())
      expect(fieldsOf(result)).toEqual(fieldsOf(embeddings(batches[i] ?? [])));
  });

  it("are embedded again where their batch failed for another text, which is named by its own place", async () => {
    const embed = async (texts: readonly string[]): Promise<Embeddings<OutputVector>> => {
      await Promise.resolve();
      const index = texts.indexOf("too long");
      if (index === -1) return embeddings(texts);
      throw new CandleEmbedError("INPUT_TOO_LONG", "too long", { index, tokens: 9, limit: 4 });
    };
    const reuse = new Reuse(embed, embeddings([]), [new RowMemory()]);
    const failing = reuse.embed(["a", "a", "b", "too long"]);
    const waiting = reuse.embed(["c", "b"]);
    await expect(failing).rejects.toMatchObject({ code: "INPUT_TOO_LONG", index: 3, tokens: 9, limit: 4 });
    expect(fieldsOf(await waiting)).toEqual(fieldsOf(embeddings(["c", "b"])));
  });

  it("are forgotten, the longest unused first, where memory ends", () => {
    const memory = new RowMemory(3 * 258);
    const row = (value: number): [string, { vector: Float32Array; tokens: number; truncated: boolean }] => [
      String(value),
      { vector: Float32Array.of(value, value), tokens: 1, truncated: false },
    ];
    memory.set(new Map([row(1), row(2), row(3)]));
    memory.get("1");
    memory.set(new Map([row(4)]));
    expect(["1", "2", "3", "4"].filter((key) => memory.get(key) !== undefined)).toEqual(["1", "3", "4"]);
  });

  it("change no byte of the output", async () => {
    const lines = Array.from(
      { length: 3_000 },
      (_, i) => `text ${String((i * i) % 700)} ${"long ".repeat(i % 80)}`,
    );
    place.write("again.txt", lines.join("\n"));
    const reused = await place.embed("again.txt", "reused.jsonl");
    await place.embed("again.txt", "plain.jsonl", "--no-dedupe");
    expect(reused.stderr).toMatch(/\d of them were known and not embedded again/);
    expect(place.read("reused.jsonl").equals(place.read("plain.jsonl"))).toBe(true);
  });
});

const found = await getNodeWithSqlite();

describe.skipIf(found.node === undefined)(`--cache ${found.reason ?? ""}`, () => {
  async function embed(output: string, ...more: string[]): Promise<{ code: number; stderr: string }> {
    const args = [
      "dist/cli/main.js",
      "embed",
      "--file",
      place.at("corpus.txt"),
      "--output",
      place.at(output),
    ];
    const call = promisify(execFile)(
      found.node as string,
      [
        "--disable-warning=ExperimentalWarning",
        ...args,
        "--model",
        tinyModel,
        "--cache",
        place.at("cache.db"),
        ...more,
      ],
      { cwd: root },
    );
    return call.then(
      ({ stderr }) => ({ code: 0, stderr }),
      (error: unknown) => error as { code: number; stderr: string },
    );
  }

  it("embeds nothing a second time, under the same options only", async () => {
    place.write("corpus.txt", Array.from({ length: 1_200 }, (_, i) => `text ${String(i)}`).join("\n"));
    expect((await embed("first.jsonl")).stderr).not.toContain("known");
    const again = await embed("again.jsonl");
    expect(again.stderr).toContain("1,200 of them were known and not embedded again");
    expect(place.read("again.jsonl").equals(place.read("first.jsonl"))).toBe(true);
    expect((await embed("int8.npy", "--output-type", "int8")).stderr).not.toContain("known");
    expect((await embed("int8-again.npy", "--output-type", "int8", "--no-dedupe")).stderr).toContain(
      "1,200 of them",
    );
    expect(place.read("int8-again.npy").equals(place.read("int8.npy"))).toBe(true);
  });

  it("tells of a row or a page that is not what was written, and of what to do", async () => {
    place.write("corpus.txt", "the fox\nthe dog\n");
    const flip = async (name: string, change: (bytes: Buffer) => unknown): Promise<string> => {
      const file = place.at(name);
      await embed("first.jsonl", "--cache", file);
      const bytes = readFileSync(file);
      change(bytes);
      place.write(name, bytes);
      const { code, stderr } = await embed("damaged.jsonl", "--cache", file);
      expect(code).toBe(1);
      expect(stderr).toContain(`the cache ${file} is damaged`);
      return stderr;
    };
    // The last bytes of a row lie at the end of its page: one of a number of the vector, before the sum and the count.
    const row = await flip("row.db", (bytes) => bytes.fill(0xff, bytes.length - 40, bytes.length - 36));
    expect(row).toMatch(/CHECKSUM_MISMATCH: .*\(a row is not what was written\): remove it/);
    const page = await flip("page.db", (bytes) => bytes.fill(0xff, 4096, 4200));
    expect(page).toMatch(/CHECKSUM_MISMATCH: .*\(database disk image is malformed\): remove it/);
  });

  it("refuses a file that is no cache, and leaves it as it is", async () => {
    const content = Buffer.from("no database, and long enough to be taken for one by nobody".repeat(40));
    place.write("note.txt", content);
    const end = await embed("x.jsonl", "--cache", place.at("note.txt"));
    expect(end.stderr).toMatch(/INVALID_INPUT: .*note\.txt cannot be used as a cache: /);
    expect(readFileSync(place.at("note.txt")).equals(content)).toBe(true);
  });
});

describe("an API", () => {
  async function embedWith(
    url: string,
    output: string,
    ...more: string[]
  ): Promise<{ code: number | null; stderr: string }> {
    const env = {
      EMBEDDING_PROVIDER: "api",
      EMBEDDING_MODEL: "model",
      EMBEDDING_API_BASE_URL: url,
      EMBEDDING_DIMENSIONS: "8",
    };
    const args = ["embed", "--file", place.at("corpus.jsonl"), "--output", place.at(output), ...more];
    return finished(startCli(args, env));
  }

  it("is asked so many requests at a time as --concurrency says, and rows stay in order", async () => {
    const api = await FakeApi.start();
    api.fault = async ({ response, answer }) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      response.end(JSON.stringify(await answer()));
    };
    place.write(
      "corpus.jsonl",
      Array.from({ length: 2_000 }, (_, i) => `{"text":"text ${String(i)}"}\n`).join(""),
    );
    expect(await embedWith(api.url, "api.jsonl", "--concurrency", "6")).toMatchObject({ code: 0 });
    expect(api.mostBusy).toBe(6);
    expect(place.records("api.jsonl").map(({ text }) => text)).toEqual(
      Array.from({ length: 2_000 }, (_, i) => `text ${String(i)}`),
    );
  });

  it("that fails leaves what is done, to be gone on with", async () => {
    const api = await FakeApi.start();
    let requests = 0;
    api.fault = async ({ response, answer }) => {
      if (++requests > 6) response.statusCode = 401;
      response.end(JSON.stringify(await answer()));
    };
    const failed = await embedWith(api.url, "failed.jsonl", "--concurrency", "1");
    expect(failed.stderr).toMatch(/stopped after [\d,]+ texts; run the same command again.*\n.*API_ERROR/);
    api.fault = undefined;
    const end = await embedWith(api.url, "failed.jsonl", "--concurrency", "3");
    expect(end.stderr).toMatch(/going on after [\d,]+ texts/);
    expect(place.read("failed.jsonl").equals(place.read("api.jsonl"))).toBe(true);
  });

  it("is what --concurrency is for", async () => {
    const end = await place.embed("corpus.jsonl", path.join("x.jsonl"), "--concurrency", "2");
    expect(end).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--concurrency is for an API/) as string,
    });
  });
});
