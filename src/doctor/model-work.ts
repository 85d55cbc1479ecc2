import { readFileSync } from "node:fs";
import path from "node:path";

/** The sizes of an encoder that decide how much it computes. */
export interface EncoderShape {
  readonly layers: number;
  readonly hidden: number;
  /** Matrices of hidden times wide in a feed-forward block: a third one where it has a gate. */
  readonly wideMatrices: number;
  readonly wide: number;
}

/** The shape in a folder's `config.json`, whichever names its family uses; `undefined` for what is no encoder. */
export function readShape(folder: string): EncoderShape | undefined {
  let config: Record<string, unknown>;
  try {
    config = JSON.parse(readFileSync(path.join(folder, "config.json"), "utf8")) as Record<string, unknown>;
  } catch {
    return undefined; // a static model may have none
  }
  const number = (...names: string[]): number => {
    const found = names.map((name) => config[name]).find((value) => typeof value === "number");
    return found ?? Number.NaN;
  };
  const layers = number("num_hidden_layers", "n_layers", "n_layer");
  const hidden = number("hidden_size", "n_embd", "dim");
  const wide = number("intermediate_size", "hidden_dim", "n_inner");
  if (!Number.isFinite(layers * hidden * wide)) return undefined;
  const isGated = ["modernbert", "nomic_bert"].includes(String(config["model_type"]));
  return { layers, hidden, wide, wideMatrices: isGated ? 3 : 2 };
}

/**
 * The shortest time in which a machine with this peak (operations a second; an addition and a multiplication count as two)
 * computes the linear layers and the attention of texts with so many tokens. Attention is float32 in both arithmetics.
 */
export function leastSeconds(
  { layers, hidden, wide, wideMatrices }: EncoderShape,
  tokens: Iterable<number>,
  peak: { readonly f32: number; readonly int8: number },
  dtype: string,
): number {
  let [linear, attention] = [0, 0];
  for (const count of tokens) {
    linear += 2 * count * layers * (4 * hidden ** 2 + wideMatrices * hidden * wide);
    attention += 4 * layers * hidden * count ** 2;
  }
  return linear / (dtype === "int8" ? peak.int8 : peak.f32) + attention / peak.f32;
}
