// What the checks compare vectors by.
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const fixtures = path.join(root, "test/fixtures");

/** float32 sums in another order. */
export const float32Limit = 1e-5;

/** The least cosine that half precision may leave of a vector. */
export const halfLimit = 0.9995;

const suffix = ".expected.json";

/** The tiny models, with what sentence-transformers gave for them: every architecture, pooling and kind of weights. */
export function tinyModels() {
  return readdirSync(fixtures)
    .filter((name) => name.endsWith(suffix))
    .map((name) => ({
      name: name.slice(0, -suffix.length),
      folder: path.join(fixtures, name.slice(0, -suffix.length)),
      expected: JSON.parse(readFileSync(path.join(fixtures, name), "utf8")),
    }));
}

/** The largest difference of components; of long vectors, in parts of their largest one. */
export function difference(got, expected) {
  let [largest, scale] = [got.length === expected.length ? 0 : Infinity, 1];
  for (const value of expected) scale = Math.max(scale, Math.abs(value));
  for (let i = 0; i < expected.length; i++) {
    const each = Math.abs(got[i] - expected[i]);
    // NaN is above every limit.
    if (!(each <= largest)) largest = Number.isNaN(each) ? Infinity : each;
  }
  return largest / scale;
}

export function cosine(a, b) {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < b.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] ** 2;
    bb += b[i] ** 2;
  }
  if (aa === 0 && bb === 0) return 1; // a static model's vector of no words
  return dot / Math.sqrt(aa * bb);
}

/** Fails unless vectors are as near as their arithmetic allows; gives the figure. */
export class Nearness {
  #dtype;
  #worst;
  #where = "";

  /** @param {string} dtype */
  constructor(dtype) {
    this.#dtype = dtype;
    this.#worst = dtype === "float32" ? 0 : 1;
  }

  /** Takes one vector in, and remembers the worst. */
  add(got, expected, where) {
    const isExact = this.#dtype === "float32";
    const value = isExact ? difference(got, expected) : cosine(got, expected);
    const isWorse = isExact ? !(value <= this.#worst) : !(value >= this.#worst);
    if (isWorse) [this.#worst, this.#where] = [value, where];
  }

  /** @returns {string} */
  figure() {
    const isExact = this.#dtype === "float32";
    const shown = isExact
      ? `largest difference ${this.#worst.toExponential(1)}`
      : `least cosine ${this.#worst.toFixed(6)}`;
    const where = this.#where === "" ? "" : ` (${this.#where})`;
    const isRight = isExact ? this.#worst <= float32Limit : this.#worst >= halfLimit;
    if (isRight) return shown + where;
    throw new Error(`${shown}${where}; the limit is ${isExact ? float32Limit : halfLimit}`);
  }
}
