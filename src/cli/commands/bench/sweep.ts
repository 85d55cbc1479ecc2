import { writeFile } from "node:fs/promises";

import { outputNames } from "../../../evaluation/sweep/outputs.js";
import type { SweepReport } from "../../../evaluation/sweep/sweep.js";
import { UsageError, type Context } from "../../command.js";
import { formatBytes } from "../../../utils/format-bytes.js";
import { toSourceOptions } from "../../model-options.js";
import { parse, parseCount, parseFilled, parseThreads } from "../../parse.js";
import { StatusLine } from "../../status-line.js";
import { openDatasets } from "./quality.js";
import {
  benchOptions,
  checkResultFile,
  checkValues,
  dtypes,
  formatTable,
  parseList,
  report,
} from "./shared.js";

export const sweepOptions = {
  ...benchOptions,
  data: { type: "string" },
  dimensions: { type: "string" },
  outputs: { type: "string", values: outputNames },
  plot: { type: "string", values: "file" },
} as const;

/** `candle-embed bench sweep` */
export async function sweep(args: readonly string[], context: Context): Promise<void> {
  const { stderr, signal } = context;
  const { values, positionals } = parse(args, sweepOptions);
  const [model, ...more] = positionals;
  if (more.length > 0) throw new UsageError("bench sweep takes one MODEL");
  await checkValues(values);
  const plot = await checkResultFile("plot", values.plot);
  const dimensions = parseList("dimensions", values.dimensions)?.map(
    (word) => parseCount("dimensions", word) as number,
  );
  const wantedDtypes = parseList("dtype", values.dtype, dtypes);
  const wantedOutputs = parseList("outputs", values.outputs, outputNames);
  const { sweep: sweepModel } = await import("../../../evaluation/sweep/sweep.js");
  const data = parseFilled("data", values.data) ?? "nanobeir/scifact";
  const [dataset] = await openDatasets([data], values, context);
  if (dataset === undefined) throw new UsageError("bench sweep takes one data set");
  const status = new StatusLine(stderr);
  status.show(`${dataset.name}: embedding`);
  const result = await sweepModel(model, dataset, {
    threads: parseThreads(values.threads),
    ...toSourceOptions(values),
    signal,
    ...(dimensions !== undefined && { dimensions }),
    ...(wantedDtypes !== undefined && { dtypes: wantedDtypes }),
    ...(wantedOutputs !== undefined && { outputs: wantedOutputs }),
    onPoint: ({ dtype, output }) => {
      status.show(`${dataset.name}: ${dtype}, ${output}`);
    },
  }).finally(() => {
    status.clear();
  });
  await report(result, values, (format) => toText(result, format), context);
  if (plot === undefined) return;
  const { plotSweep } = await import("../../../evaluation/sweep/plot.js");
  await writeFile(plot, plotSweep(result));
}

function toText(
  { modelId, dataset, metric, texts, threads, points }: SweepReport,
  format: "text" | "markdown",
): string {
  const best = points[0]?.quality ?? NaN;
  const rows = points.map((point) => [
    point.dtype,
    String(point.dimensions),
    point.output,
    String(point.bytesPerVector),
    point.quality.toFixed(4),
    `${((100 * point.quality) / best).toFixed(1)} %`,
    point.textsPerSecond.toFixed(0),
    formatBytes(point.peakBytes),
  ]);
  const head = [
    "model",
    "dimensions",
    "output",
    "bytes/vector",
    metric,
    "of the first",
    "texts/s",
    "peak memory",
  ];
  return (
    `${modelId} on ${dataset}: ${String(texts)} texts, ${String(threads)} threads\n\n` +
    formatTable(format, head, rows, 3)
  );
}
