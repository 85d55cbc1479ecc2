import { make } from "./elements.js";

const MAX_LABEL = 48;

/** Cosines of all pairs of vectors, row by row. */
export function cosines(vectors: readonly Float32Array[]): number[][] {
  const norms = vectors.map((vector) => Math.sqrt(dot(vector, vector)));
  return vectors.map((a, i) =>
    vectors.map((b, j) => dot(a, b) / ((norms[i] as number) * (norms[j] as number) || 1)),
  );
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (const [i, value] of a.entries()) sum += value * (b[i] as number);
  return sum;
}

/** A table of similarities; its colours repeat what its numbers say. */
export function heatMap(
  texts: readonly string[],
  similarities: readonly (readonly number[])[],
): HTMLTableElement {
  const head = make("tr", {}, make("td"));
  const body = make("tbody");
  for (const [i, text] of texts.entries()) {
    head.append(make("th", { scope: "col", title: text }, String(i + 1)));
    const row = make(
      "tr",
      {},
      make("th", { scope: "row", title: text }, `${String(i + 1)}. ${shorten(text)}`),
    );
    for (const value of similarities[i] as readonly number[]) {
      const cell = make("td", { class: value < 0 ? "negative" : "positive" }, value.toFixed(2));
      cell.style.setProperty("--strength", `${(100 * Math.min(1, Math.abs(value))).toFixed(1)}%`);
      row.append(cell);
    }
    body.append(row);
  }
  const caption = make("caption", {}, "Cosine similarity: 1 means the same direction, 0 unrelated");
  return make("table", { class: "heat-map" }, caption, make("thead", {}, head), body);
}

function shorten(text: string): string {
  const characters = Array.from(text);
  return characters.length <= MAX_LABEL ? text : `${characters.slice(0, MAX_LABEL - 1).join("")}…`;
}
