import { open, readFile } from "node:fs/promises";
import path from "node:path";

import type { Dtype } from "../backends/native-options.js";

/** Longest header of a weights file that is looked at; the engine itself refuses more. */
const mostHeaderBytes = 100e6;

/**
 * Why `device: "auto"` leaves a model on the CPU, although there is a GPU; `undefined` where a GPU is the right place. Moving a
 * model must not change what its vectors are beyond rounding, and has to be worth it.
 */
export async function whyCpu(folder: string, dtype: Dtype = "auto"): Promise<string | undefined> {
  if (dtype === "int8") return "int8 is arithmetic of CPUs";
  const { isStatic, weights } = await readLayout(folder);
  if (isStatic) return "a static model is a look-up in a table, for which no GPU is needed";
  if (dtype === "auto" && (await isInt8(weights))) {
    return "the weights are int8, which is arithmetic of CPUs: name a GPU or a dtype to have them widened";
  }
  return undefined;
}

/** Of a folder's first module. What is wrong with the files, the engine says when it loads them. */
async function readLayout(folder: string): Promise<{ isStatic: boolean; weights: string }> {
  const modules = await readJson(path.join(folder, "modules.json"));
  const [first] = Array.isArray(modules) ? (modules as { type?: unknown; path?: unknown }[]) : [];
  const config = (await readJson(path.join(folder, "config.json"))) as { model_type?: unknown } | undefined;
  const isStatic = String(first?.type).endsWith("StaticEmbedding") || config?.model_type === "model2vec";
  const place = typeof first?.path === "string" ? first.path : "";
  return { isStatic, weights: path.join(folder, place, "model.safetensors") };
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** Whether a file of weights says that `candle-embed quantize` wrote it. Sharded weights have another name, and are floats. */
async function isInt8(file: string): Promise<boolean> {
  try {
    await using handle = await open(file);
    const start = Buffer.alloc(8);
    await handle.read(start, 0, 8, 0);
    const length = Number(start.readBigUInt64LE());
    if (length > mostHeaderBytes) return false;
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, 8);
    const header = JSON.parse(buffer.toString("utf8")) as { __metadata__?: Record<string, string> };
    return header.__metadata__?.["candle_embed_quantization"] !== undefined;
  } catch {
    return false;
  }
}
