import { describe, expect, it } from "vitest";

import { cosineSimilarity, NativeBackend, topK } from "candle-embed";
import { copyOfTinyModel, editJson, loadForTests, temporaryFolder, tinyModel } from "./support.js";

const backend = await loadForTests();

function norm(vector: ArrayLike<number>): number {
  return Math.hypot(...Array.from(vector));
}

describe("long texts", () => {
  const long = "word ".repeat(400);

  it("are cut at the model's own limit, and the result says so", async () => {
    const result = await backend.embed(["short", long, "short", long]);
    expect(backend.maxTokens).toBe(256);
    expect(Array.from(result.tokens)).toEqual([3, 256, 3, 256]);
    expect(result.truncated).toEqual([1, 3]);
  });

  it("raise INPUT_TOO_LONG where they may not be cut, and other calls go on", async () => {
    await expect(backend.embed(["short", "short", long], { truncate: "error" })).rejects.toMatchObject({
      code: "INPUT_TOO_LONG",
      index: 2,
      tokens: 402,
      limit: 256,
    });
    expect((await backend.embed("short", { truncate: "error" })).truncated).toEqual([]);
  });

  it("lose their start when asked", async () => {
    const text = `${"alpha ".repeat(300)}${"omega ".repeat(254)}`;
    const { data } = await backend.embed(text, { truncate: "start" });
    expect(data).toEqual((await backend.embed("omega ".repeat(254))).data);
  });
});

describe("texts without words", () => {
  it("have the vector of the empty text, of length 1", async () => {
    const result = await backend.embed(["", " ", "\n\t "]);
    expect(Array.from(result.tokens)).toEqual([2, 2, 2]);
    expect(norm(result.at(0))).toBeCloseTo(1, 5);
    expect(result.at(1)).toEqual(result.at(0));
    expect(result.at(2)).toEqual(result.at(0));
  });

  it("and no texts give no rows", async () => {
    const none = await backend.embed([]);
    expect(none).toMatchObject({ count: 0, dimensions: 384, truncated: [] });
    expect(none.data).toEqual(new Float32Array(0));
  });
});

describe("strange strings", () => {
  it("are read like their well-formed form", async () => {
    const strange = ["a\ud800b", "\udc00", "\udc00\ud800", "tail\ud83d"];
    const result = await backend.embed(strange);
    const wellFormed = await backend.embed(strange.map((text) => Buffer.from(text, "utf8").toString("utf8")));
    expect(result.data).toEqual(wellFormed.data);
  });

  it("give finite vectors of length 1", async () => {
    const strange = [
      "\0",
      "a\0b",
      "\u0007\u001b[0m",
      "\ufeffx",
      "\u202eabc",
      "e\u0301".repeat(50),
      "👩‍👩‍👧‍👦",
      "\u{10ffff}",
      "_".repeat(50_000),
      "x".repeat(100_000),
    ];
    for (const row of await backend.embed(strange)) expect(norm(row)).toBeCloseTo(1, 5);
  });
});

describe("options", () => {
  const texts = ["a cat sits on the mat", "stock prices fell sharply on Monday"];

  it("dimensions: keeps the first and normalises again", async () => {
    const full = await backend.embed(texts);
    const cut = await backend.embed(texts, { dimensions: 100, cutWithoutMatryoshka: true });
    expect(cut).toMatchObject({ count: 2, dimensions: 100 });
    expect(norm(cut.at(1))).toBeCloseTo(1, 5);
    expect(cosineSimilarity(cut.at(1), full.at(1).subarray(0, 100))).toBeCloseTo(1, 6);
  });

  it("dimensions: refuses to cut a model that was not trained for it, and says how it would", async () => {
    await expect(backend.embed(texts, { dimensions: 100 })).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(/Matryoshka.* all 384, .*cutWithoutMatryoshka.* 100 /) as string,
    });
    expect(await backend.embed(texts, { dimensions: 384 })).toMatchObject({ dimensions: 384 });
  });

  it("dimensions: cuts a model whose config.json says the lengths it was trained for", async () => {
    const folder = copyOfTinyModel(temporaryFolder(), "matryoshka");
    editJson(folder, "config.json", (config) => ({ ...config, matryoshka_dimensions: [32, 16, 8] }));
    await using trained = await NativeBackend.load(folder);
    for (const dimensions of [8, 12, 32]) {
      expect(await trained.embed(texts, { dimensions })).toMatchObject({ dimensions });
    }
    await expect(trained.embed(texts, { dimensions: 7 })).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(/trained for vectors of 8 dimensions or more/) as string,
    });
  });

  it.each([385, 2 ** 31 - 1])("dimensions: refuses %i", async (dimensions) => {
    await expect(backend.embed("a", { dimensions, cutWithoutMatryoshka: true })).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringContaining("1 to 384") as string,
    });
  });

  it("normalize: gives the model's raw vectors", async () => {
    const raw = await backend.embed(texts, { normalize: false });
    const unit = await backend.embed(texts);
    expect(Math.abs(norm(raw.at(0)) - 1)).toBeGreaterThan(0.01);
    expect(cosineSimilarity(raw.at(0), unit.at(0))).toBeCloseTo(1, 6);
  });

  it("outputType: int8 and uint8 keep the direction, binary and ubinary the signs", async () => {
    const float = await backend.embed(texts);
    const int8 = await backend.embed(texts, { outputType: "int8" });
    const uint8 = await backend.embed(texts, { outputType: "uint8" });
    const binary = await backend.embed(texts, { outputType: "binary" });
    const ubinary = await backend.embed(texts, { outputType: "ubinary" });
    expect(int8.data).toBeInstanceOf(Int8Array);
    expect(cosineSimilarity(int8.at(1), float.at(1))).toBeGreaterThan(0.999);
    expect(Array.from(uint8.data, (value) => value - 128)).toEqual(Array.from(int8.data));
    expect([ubinary.data.length, ubinary.dimensions, ubinary.at(1).length]).toEqual([96, 384, 48]);
    const bits = Array.from(ubinary.at(1), (byte) => byte.toString(2).padStart(8, "0")).join("");
    expect(bits).toBe(Array.from(float.at(1), (value) => (value > 0 ? "1" : "0")).join(""));
    expect(binary.data).toBeInstanceOf(Int8Array);
    expect(Array.from(binary.data, (value) => value + 128)).toEqual(Array.from(ubinary.data));
  });

  it("prompts: named ones, given ones and those of the input type come first", async () => {
    const prompted = await loadForTests("test/fixtures/tiny-bert-cls");
    const plain = await prompted.embed("the fox");
    const query = await prompted.embedQuery("the fox");
    expect(Object.keys(prompted.space.prompts).sort()).toEqual(["document", "query"]);
    expect(query).not.toEqual(plain.data);
    expect((await prompted.embed("the fox", { promptName: "query" })).data).toEqual(query);
    const prompt = prompted.space.prompts["query"] as string;
    expect((await prompted.embed("the fox", { prompt })).data).toEqual(query);
    expect((await prompted.embed("the fox", { prompt: "" })).data).toEqual(plain.data);
    await expect(prompted.embed("a", { promptName: "nope" })).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringContaining("document, query") as string,
    });
  });
});

describe("meaning", () => {
  it("brings the answer to the top", async () => {
    const documents = [
      "The invoice is due within thirty days of delivery.",
      "Bread rises because yeast turns sugar into gas.",
      "The train to Lyon leaves from platform four.",
    ];
    const vectors = await backend.embedDocuments(documents);
    const hits = topK(await backend.embedQuery("when do I have to pay"), vectors, 3);
    expect(hits[0]?.index).toBe(0);
  });
});

describe("several models in one process", () => {
  it("work side by side", async () => {
    const tiny = await loadForTests(tinyModel);
    const alone = await tiny.embed("the fox");
    const both = await Promise.all([
      backend.embed("the fox"),
      tiny.embed("the fox"),
      backend.embed("the fox"),
    ]);
    expect(both.map(({ dimensions }) => dimensions)).toEqual([384, 32, 384]);
    expect(both[1].data).toEqual(alone.data);
    expect(backend.space.id).not.toBe(tiny.space.id);
    const again = await loadForTests(tinyModel);
    expect(again.space).toEqual(tiny.space);
  });
});
