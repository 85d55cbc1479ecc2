import type { SpeedPoint } from "../../../evaluation/speed.js";
import type { Context } from "../../command.js";
import { parse, parseCount } from "../../parse.js";
import { StatusLine } from "../../status-line.js";
import { benchOptions, checkValues, forEachModel, formatTable, parseList, report } from "./shared.js";

export const speedOptions = {
  ...benchOptions,
  tokens: { type: "string" },
  texts: { type: "string" },
} as const;

interface Speed {
  readonly embedder: string;
  /** From the call to the loaded model. */
  readonly loadMs: number;
  readonly threads: number | undefined;
  readonly points: readonly SpeedPoint[];
}

/** `candle-embed bench speed` */
export async function speed(args: readonly string[], context: Context): Promise<void> {
  const { stderr, signal } = context;
  const { values, positionals } = parse(args, speedOptions);
  await checkValues(values);
  const counts = (name: "tokens" | "texts"): number[] | undefined =>
    parseList(name, values[name])?.map((word) => parseCount(name, word) as number);
  const [tokens, texts] = [counts("tokens"), counts("texts")];
  const { measureSpeed } = await import("../../../evaluation/speed.js");
  const status = new StatusLine(stderr);
  const results: Speed[] = [];
  try {
    await forEachModel(positionals, values, context, async ({ backend, name: embedder, loadMs }) => {
      const points = await measureSpeed(backend, {
        tokens,
        texts,
        signal,
        onProgress: (at) => {
          status.show(`${embedder}: ${String(at.texts)} texts of ${String(at.tokens)} tokens`);
        },
      });
      const threads = "threads" in backend ? (backend.threads as number) : undefined;
      results.push({ embedder, loadMs, threads, points });
    });
  } finally {
    status.clear();
  }
  await report(results, values, (format) => toText(results, format), context);
}

function toText(results: readonly Speed[], format: "text" | "markdown"): string {
  const rows = results.flatMap(({ embedder, points }) =>
    points.map((point) => [
      embedder,
      String(point.tokens),
      String(point.texts),
      figure(point.textsPerSecond),
      figure(point.tokensPerSecond),
      point.p50Ms.toFixed(2),
      point.p95Ms.toFixed(2),
    ]),
  );
  const head = ["model", "tokens a text", "texts a call", "texts/s", "tokens/s", "ms a call", "p95 ms"];
  const loads = results.map(({ embedder, loadMs, threads }) => {
    const on = threads === undefined ? "" : `, ${String(threads)} threads`;
    return `${embedder}: loaded in ${loadMs.toFixed(0)} ms${on}\n`;
  });
  return `${loads.join("")}\n${formatTable(format, head, rows)}`;
}

function figure(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
