import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { benches, cache, python } from "./paths.mjs";

/**
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} textsFile JSON array of strings
 * @property {string} tokensFile JSON array of arrays of token ids
 * @property {number[]} lengths tokens of each text, after truncation
 * @property {number[]} order indices by length
 * @property {number} tokens of all texts
 * @property {{ indices: number[], dimensions: number, vectors: Float32Array }} reference
 */

/** @param {readonly string[]} texts @param {number} count */
export function evenly(texts, count) {
  if (count >= texts.length) return [...texts];
  return Array.from({ length: count }, (_, i) => texts[Math.floor((i * texts.length) / count)]);
}

/**
 * The lines of a file.
 *
 * @param {string} folder
 * @param {string} name
 */
export function readTexts(folder, name) {
  const file = path.join(folder, `${name}.txt`);
  if (!existsSync(file)) throw new Error(`${file} is missing: name its folder with --data`);
  return readFileSync(file, "utf8").split("\n").filter(Boolean);
}

/**
 * Tokens and reference vectors of texts, computed once and kept in the cache.
 *
 * @param {string} name
 * @param {readonly string[]} texts
 * @param {{ model: import("./models.mjs").Model, limit: number, samples: number }} options
 * @returns {Workload}
 */
export function prepare(name, texts, { model, limit, samples }) {
  const content = JSON.stringify(texts);
  const key = createHash("sha256")
    .update(JSON.stringify([model.name, limit, samples]))
    .update(content);
  const base = path.join(cache, "workloads", key.digest("hex").slice(0, 16));
  const [textsFile, tokensFile, referenceFile] = ["texts", "tokens", "reference"].map(
    (part) => `${base}-${part}.json`,
  );
  if (!existsSync(tokensFile)) {
    mkdirSync(path.dirname(base), { recursive: true });
    writeFileSync(textsFile, content);
    console.error(`- workload ${name}: tokens, and reference vectors of sentence-transformers`);
    const script = path.join(benches, "prepare.py");
    execFileSync(
      python,
      [script, model.f32, String(limit), textsFile, tokensFile, referenceFile, String(samples)],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
  }
  /** @type {number[][]} */
  const tokens = JSON.parse(readFileSync(tokensFile, "utf8"));
  const lengths = tokens.map((ids) => ids.length);
  const { indices, dimensions, vectors } = JSON.parse(readFileSync(referenceFile, "utf8"));
  return {
    name,
    textsFile,
    tokensFile,
    lengths,
    order: lengths.map((_, i) => i).sort((a, b) => lengths[a] - lengths[b] || a - b),
    tokens: lengths.reduce((sum, length) => sum + length, 0),
    reference: { indices, dimensions, vectors: decodeVectors(vectors) },
  };
}

/** @param {string} base64 little-endian float32 values */
export function decodeVectors(base64) {
  const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
  return new Float32Array(bytes.buffer);
}
