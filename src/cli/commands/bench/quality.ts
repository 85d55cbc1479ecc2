import type { Dataset } from "../../../evaluation/datasets/dataset.js";
import type { Evaluation } from "../../../evaluation/evaluate.js";
import { asUsage } from "../../as-usage.js";
import type { Context } from "../../command.js";
import { parse, parseFilled } from "../../parse.js";
import { ProgressBar } from "../../progress-bar.js";
import { StatusLine } from "../../status-line.js";
import { benchOptions, forEachModel, formatTable, checkValues, parseList, report } from "./shared.js";

export const qualityOptions = {
  ...benchOptions,
  data: { type: "string", multiple: true },
  metrics: { type: "string" },
  "ignore-identical-ids": { type: "boolean" },
} as const;

/** `candle-embed bench quality` */
export async function quality(args: readonly string[], context: Context): Promise<void> {
  const { stderr, signal } = context;
  const { values, positionals } = parse(args, qualityOptions);
  await checkValues(values);
  const metrics = parseList("metrics", values.metrics);
  const { toEmbedder } = await import("../../../evaluation/embedder.js");
  const { evaluate } = await import("../../../evaluation/evaluate.js");
  const { retrievalMetric } = await import("../../../evaluation/metrics/retrieval.js");
  asUsage(() => metrics?.map(retrievalMetric));
  const datasets = await openDatasets(values.data ?? ["stsb", "nanobeir/scifact"], values, context);
  const status = new StatusLine(stderr);
  const evaluations: Evaluation[] = [];
  try {
    await forEachModel(positionals, values, context, async ({ backend, name }) => {
      const embedder = toEmbedder(backend, name);
      for (const dataset of datasets) {
        const evaluation = await evaluate(embedder, dataset, {
          ...(metrics !== undefined && { metrics }),
          ignoreIdenticalIds: values["ignore-identical-ids"] ?? false,
          signal,
          onProgress: (done, total) => {
            status.show(`${embedder.name}, ${dataset.name}: ${String(done)} of ${String(total)} texts`);
          },
        });
        evaluations.push(evaluation);
      }
    });
  } finally {
    status.clear();
  }
  await report(evaluations, values, (format) => toTables(evaluations, format), context);
}

/** Opens them before a model is loaded: a wrong name is told at once. */
export async function openDatasets(
  names: readonly string[],
  values: { readonly "cache-dir"?: string | undefined; readonly offline?: boolean | undefined },
  { signal, stderr }: Pick<Context, "signal" | "stderr">,
): Promise<Dataset[]> {
  const { expandDatasetNames, openDataset } = await import("../../../evaluation/datasets/open-dataset.js");
  const bar = new ProgressBar(stderr);
  const datasets: Dataset[] = [];
  try {
    for (const name of expandDatasetNames(names)) {
      const dataset = await openDataset(name, {
        cacheDir: parseFilled("cache-dir", values["cache-dir"]),
        offline: values.offline,
        signal,
        onProgress: (progress) => {
          bar.show(name, progress);
        },
      });
      datasets.push(dataset);
    }
  } finally {
    bar.clear();
  }
  return datasets;
}

/** Retrieval and similarity have other figures: a table for each, and the mean of several data sets of a model. */
function toTables(evaluations: readonly Evaluation[], format: "text" | "markdown"): string {
  return (["retrieval", "sts"] as const)
    .map((kind) => evaluations.filter((each) => each.kind === kind))
    .filter((group) => group.length > 0)
    .map((group) => {
      const names = Object.keys(group[0]?.metrics ?? {});
      const rows = group.map(({ embedder, dataset, metrics, texts, embedSeconds }) => [
        embedder,
        dataset,
        ...names.map((name) => (metrics[name] ?? NaN).toFixed(4)),
        (texts / embedSeconds).toFixed(0),
      ]);
      const head = ["model", "data", ...names, "texts/s"];
      return formatTable(format, head, [...rows, ...meanRows(group, names)], 2);
    })
    .join("\n");
}

function meanRows(group: readonly Evaluation[], names: readonly string[]): string[][] {
  const embedders = [...new Set(group.map(({ embedder }) => embedder))];
  return embedders.flatMap((embedder) => {
    const own = group.filter((each) => each.embedder === embedder);
    if (own.length < 2) return [];
    const texts = own.reduce((sum, each) => sum + each.texts, 0);
    const seconds = own.reduce((sum, each) => sum + each.embedSeconds, 0);
    const means = names.map(
      (name) => own.reduce((sum, { metrics }) => sum + (metrics[name] ?? NaN), 0) / own.length,
    );
    return [
      [
        embedder,
        `mean of ${String(own.length)}`,
        ...means.map((mean) => mean.toFixed(4)),
        (texts / seconds).toFixed(0),
      ],
    ];
  });
}
