import { describe, expect, it } from "vitest";

import { NativeBackend } from "candle-embed";
import { loadForTests } from "./support.js";

const backend = await loadForTests();

describe("tokens of texts", () => {
  /** As `AutoTokenizer.from_pretrained("sentence-transformers/all-MiniLM-L6-v2")` of transformers gives them. */
  const hello = [101, 7592, 1010, 2088, 999, 102];

  it("are the model's ids, with their places", async () => {
    const [tokenized] = await backend.tokenize("Hello, world!");
    expect([...(tokenized?.ids ?? [])]).toEqual(hello);
    expect([...(tokenized?.offsets ?? [])]).toEqual([0, 0, 0, 5, 5, 6, 7, 12, 12, 13, 13, 13]);
    const [bare] = await backend.tokenize(["Hello, world!"], { specialTokens: false });
    expect([...(bare?.ids ?? [])]).toEqual(hello.slice(1, -1));
  });

  it("have places that slice JavaScript's strings", async () => {
    const text = "🙂 Hello wörld, 日本 don't";
    const [tokenized] = await backend.tokenize(text, { specialTokens: false });
    const offsets = tokenized?.offsets ?? new Uint32Array();
    const slices = Array.from({ length: offsets.length / 2 }, (_, at) =>
      text.slice(offsets[2 * at], offsets[2 * at + 1]),
    );
    expect(slices).toEqual(["🙂", "Hello", "wörld", ",", "日", "本", "don", "'", "t"]);
  });

  it("are not cut at the model's limit, and count what embed counts", async () => {
    const texts = ["", "a b c", "word ".repeat(5_000)];
    const tokenized = await backend.tokenize(texts);
    const embeddings = await backend.embed(texts);
    expect(tokenized.map(({ ids }) => ids.length)).toEqual([2, 5, 5_002]);
    expect([...embeddings.tokens]).toEqual([2, 5, backend.maxTokens]);
    expect(await backend.tokenize([])).toEqual([]);
  });

  it("give a text with the same vector", async () => {
    const texts = ["I do not know; it's 3.5 km.", "naïve café — unbelievable!", "snake_case and camelCase"];
    const ids = (await backend.tokenize(texts)).map((tokenized) => [...tokenized.ids]);
    const spelled = await backend.detokenize(ids);
    expect((await backend.embed(spelled)).data).toEqual((await backend.embed(texts)).data);
    expect(await backend.detokenize([hello, hello.slice(1, -1), []])).toEqual([
      "hello , world !",
      "hello , world !",
      "",
    ]);
  });

  it("that are none are refused, with the list to blame", async () => {
    for (const bad of [[30_522], [-1], [1.5], [Number.NaN], ["a"], 7, null]) {
      await expect(backend.detokenize([[1], bad as number[]])).rejects.toMatchObject({
        code: "INVALID_INPUT",
        index: 1,
      });
    }
    await expect(backend.tokenize(["a", 1] as never)).rejects.toMatchObject({
      code: "INVALID_INPUT",
      index: 1,
    });
    await expect(backend.tokenize("a", { special: true } as never)).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });

  it("stop when the call is aborted or the backend disposed", async () => {
    await expect(backend.tokenize("a", { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "ABORTED",
    });
    const controller = new AbortController();
    const call = expect(
      backend.tokenize(new Array<string>(20_000).fill("some words"), { signal: controller.signal }),
    ).rejects.toMatchObject({ code: "ABORTED" });
    controller.abort();
    await call;
    const other = await NativeBackend.load();
    const pending = expect(
      other.tokenize(new Array<string>(20_000).fill("some words")),
    ).rejects.toMatchObject({ code: "DISPOSED" });
    await other.dispose();
    await pending;
    await expect(other.tokenize("a")).rejects.toMatchObject({ code: "DISPOSED" });
    await expect(other.detokenize([[1]])).rejects.toMatchObject({ code: "DISPOSED" });
  });
});
