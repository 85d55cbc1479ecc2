import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

import { cache, root, rustProgram } from "../lib/paths.mjs";
import { ceilingSeconds, operations } from "../lib/operations.mjs";
import { PeakProbe } from "../lib/peak.mjs";
import { header, number, origin, percent, table, write } from "../lib/report.mjs";
import { median } from "../lib/stats.mjs";
import { evenly, readTexts } from "../lib/workloads.mjs";

const LENGTHS = [16, 32, 64, 128, 256, 512];
const BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Texts of each file for the tokenizer's share: about 40,000 tokens. */
const TOKENIZED = { short: 2758, mixed: 600, long: 210 };

/**
 * candle-embed alone, in this process: cost against tokens, batch size and threads, and what the tokenizer takes of it.
 *
 * @param {object} options see run.mjs
 */
export async function scaling(options) {
  const { model, threads, quick } = options;
  const rounds = options.rounds ?? (quick ? 2 : 7);
  const { NativeBackend } = createRequire(import.meta.url)("../../dist/index.js");
  const packaged = path.join(root, "models", "all-MiniLM-L6-v2");
  const folders = { float32: model.f32, int8: model.int8 ?? packaged };
  const probe = new PeakProbe(quick);
  const data = {
    ...header("scaling", { ...options, limit: 512 }),
    dtypes: {},
  };
  for (const [dtype, folder] of Object.entries(folders)) {
    const load = (count) => NativeBackend.load(withLimit(folder, 512), { threads: count });
    const backend = await load(threads);
    const lengths = await againstLength({ backend, folder, dtype, model, threads, probe, rounds, quick });
    const batches = await againstBatch({ backend, folder, rounds, quick });
    const threadRows = await againstThreads({ backend, load, threads, rounds, options });
    const tokenizer = await tokenizerShare({ backend, folder, threads, rounds, options });
    await backend.dispose();
    data.dtypes[dtype] = { lengths, batches, threads: threadRows, tokenizer };
  }
  await probe.close();
  write(options.out, `scaling-${model.name}`, data, markdown(data, options));
}

/** A copy of the folder whose texts may have more tokens; the weights are linked, not copied. */
function withLimit(folder, limit) {
  const target = path.join(
    cache,
    "limits",
    `${path.basename(path.dirname(folder))}-${path.basename(folder)}-${limit}`,
  );
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(folder)) {
    const [from, to] = [path.join(folder, name), path.join(target, name)];
    if (statSync(from).isDirectory()) cpSync(from, to, { recursive: true });
    else if (name.endsWith(".safetensors")) linkSync(from, to);
    else cpSync(from, to);
  }
  const file = path.join(target, "sentence_bert_config.json");
  const settings = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  writeFileSync(file, JSON.stringify({ ...settings, max_seq_length: limit }));
  return target;
}

/** Texts of exactly so many tokens, out of words that are one token each. */
function wordTexts(folder) {
  const { model } = JSON.parse(readFileSync(path.join(folder, "tokenizer.json"), "utf8"));
  const words = Object.keys(model.vocab).filter((word) => /^[a-z]{3,}$/.test(word));
  let state = 1;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  return (tokens, count) =>
    Array.from({ length: count }, () =>
      Array.from({ length: tokens - 2 }, () => words[next() % words.length]).join(" "),
    );
}

async function timed(work) {
  const start = performance.now();
  const value = await work();
  return { seconds: (performance.now() - start) / 1000, value };
}

async function againstLength({ backend, folder, dtype, model, threads, probe, rounds, quick }) {
  const texts = wordTexts(folder);
  const sets = LENGTHS.filter((length) => length <= backend.maxTokens).map((tokens) => ({
    tokens,
    texts: texts(tokens, Math.max(quick ? 4 : 32, (quick ? 4096 : 16_384) / tokens)),
    seconds: [],
    shares: [],
  }));
  for (const set of sets) {
    const { tokens } = await backend.embed(set.texts);
    if (tokens.some((count) => count !== set.tokens))
      throw new Error(`texts of ${set.tokens} tokens have others`);
  }
  for (let round = 0; round < rounds; round++) {
    for (const set of sets) {
      const before = await probe.measure(threads);
      const { seconds } = await timed(() => backend.embed(set.texts));
      const after = await probe.measure(threads);
      const peak = { f32: Math.max(before.f32, after.f32), int8: Math.max(before.int8, after.int8) };
      const work = operations(
        model.shape,
        set.texts.map(() => set.tokens),
      );
      set.seconds.push(seconds);
      set.shares.push(ceilingSeconds(work, peak, dtype) / seconds);
    }
  }
  return sets.map(({ tokens, texts: { length: count }, seconds, shares }) => ({
    tokens,
    texts: count,
    textsPerSecond: count / median(seconds),
    tokensPerSecond: (count * tokens) / median(seconds),
    share: median(shares),
    seconds,
  }));
}

async function againstBatch({ backend, folder, rounds, quick }) {
  const texts = wordTexts(folder);
  const rows = [];
  for (const tokens of [16, 128]) {
    const sets = BATCHES.filter((batch) => !quick || batch <= 64).map((batch) => ({
      tokens,
      batch,
      texts: texts(tokens, batch),
      milliseconds: [],
    }));
    for (let round = 0; round <= rounds; round++) {
      for (const set of sets) {
        // Small calls are repeated: a turn of one of them would be lost among the caches of the others.
        const calls = Math.max(1, Math.round(256 / set.batch / (tokens / 16)));
        const { seconds } = await timed(async () => {
          for (let call = 0; call < calls; call++) await backend.embed(set.texts);
        });
        if (round > 0) set.milliseconds.push((seconds * 1000) / calls);
      }
    }
    for (const { batch, milliseconds } of sets) {
      const value = median(milliseconds);
      rows.push({ tokens, batch, milliseconds: value, textsPerSecond: (batch / value) * 1000 });
    }
  }
  return rows;
}

async function againstThreads({ backend, load, threads, rounds, options }) {
  const all = readTexts(options.data, "long");
  const texts = evenly(all, options.quick ? 64 : 200);
  const counts = [];
  for (let count = 1; count < threads; count *= 2) counts.push(count);
  const backends = [];
  for (const count of counts) backends.push({ count, backend: await load(count), seconds: [] });
  backends.push({ count: threads, backend, seconds: [] });
  for (let round = 0; round <= rounds; round++) {
    for (const entry of backends) {
      const { seconds } = await timed(() => entry.backend.embed(texts));
      if (round > 0) entry.seconds.push(seconds);
    }
  }
  for (const entry of backends) if (entry.backend !== backend) await entry.backend.dispose();
  const [first] = backends;
  return backends.map(({ count, seconds }) => ({
    threads: count,
    textsPerSecond: texts.length / median(seconds),
    speedUp: median(seconds.map((value, round) => first.seconds[round] / value)),
    seconds,
  }));
}

async function tokenizerShare({ backend, folder, threads, rounds, options }) {
  const rows = [];
  for (const name of Object.keys(TOKENIZED)) {
    const all = readTexts(options.data, name);
    const texts = options.quick ? evenly(all, 128) : evenly(all, TOKENIZED[name]);
    const file = path.join(cache, "workloads", `tokenize-${name}.json`);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(texts));
    const seconds = [];
    for (let round = 0; round < rounds; round++)
      seconds.push((await timed(() => backend.embed(texts))).seconds);
    const tokenizer = path.join(folder, "tokenizer.json");
    const own = Number(
      execFileSync(rustProgram("tokenize"), [tokenizer, String(backend.maxTokens), file], {
        encoding: "utf8",
      }),
    );
    rows.push({
      workload: name,
      oneThreadSeconds: own,
      embedSeconds: median(seconds),
      // Of the CPU time of all threads.
      share: own / (median(seconds) * threads),
    });
  }
  return rows;
}

function markdown(data, options) {
  const parts = [
    "## Scaling of candle-embed",
    origin(data.machine, { ...options, limit: 512, model: data.model }),
  ];
  for (const [dtype, { lengths, batches, threads, tokenizer }] of Object.entries(data.dtypes)) {
    parts.push(
      `### ${dtype}`,
      table(
        ["tokens a text", "texts/s", "tokens/s", "share of the ceiling"],
        lengths.map((row) => [
          String(row.tokens),
          number(row.textsPerSecond),
          number(row.tokensPerSecond),
          percent(row.share),
        ]),
      ),
      table(
        ["texts a call", "16 tokens: ms a call", "texts/s", "128 tokens: ms a call", "texts/s"],
        batches
          .filter((row) => row.tokens === 16)
          .map((row) => {
            const long = batches.find(({ tokens, batch }) => tokens === 128 && batch === row.batch);
            return [
              String(row.batch),
              row.milliseconds.toFixed(2),
              number(row.textsPerSecond),
              long.milliseconds.toFixed(2),
              number(long.textsPerSecond),
            ];
          }),
      ),
      table(
        ["threads (long)", "texts/s", "times one thread"],
        threads.map((row) => [String(row.threads), number(row.textsPerSecond), row.speedUp.toFixed(2)]),
      ),
      table(
        [
          "file",
          "tokenizer alone, one thread, s",
          "embedding, all threads, s",
          "tokenizer's share of the CPU time",
        ],
        tokenizer.map((row) => [
          row.workload,
          row.oneThreadSeconds.toFixed(3),
          row.embedSeconds.toFixed(3),
          percent(row.share),
        ]),
      ),
    );
  }
  return parts.join("\n\n");
}
