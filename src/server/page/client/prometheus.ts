/** One line of a metrics page. */
interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metrics page by the names of its lines, in Prometheus' text format. */
export type Metrics = ReadonlyMap<string, readonly Sample[]>;

export function parseMetrics(text: string): Metrics {
  const metrics = new Map<string, Sample[]>();
  for (const line of text.split("\n")) {
    const [, name, labels = "", value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const sample = { labels: parseLabels(labels), value: value === "+Inf" ? Infinity : Number(value) };
    const samples = metrics.get(name);
    if (samples === undefined) metrics.set(name, [sample]);
    else samples.push(sample);
  }
  return metrics;
}

function parseLabels(text: string): Record<string, string> {
  const labels = text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g);
  return Object.fromEntries(Array.from(labels, ([, name, value]) => [name as string, value as string]));
}

/** The sum of a metric over all its labels; 0 where there is none yet. */
export function total(metrics: Metrics, name: string): number {
  return (metrics.get(name) ?? []).reduce((sum, { value }) => sum + value, 0);
}

/**
 * A quantile of what a histogram counted between two readings, as Prometheus' histogram_quantile has it: linear within a
 * bucket. NaN where it counted nothing.
 */
export function quantileBetween(before: Metrics, after: Metrics, name: string, quantile: number): number {
  const old = buckets(before, name);
  const counts = [...buckets(after, name)]
    .sort(([a], [b]) => a - b)
    .map(([limit, count]) => ({ limit, count: count - (old.get(limit) ?? 0) }));
  const wanted = quantile * (counts.at(-1)?.count ?? 0);
  if (!(wanted > 0)) return NaN;
  let [from, below] = [0, 0];
  for (const { limit, count } of counts) {
    if (count >= wanted) {
      return limit === Infinity ? from : from + ((limit - from) * (wanted - below)) / (count - below);
    }
    [from, below] = [limit, count];
  }
  return from;
}

/** Counts by upper limit, over all other labels. */
function buckets(metrics: Metrics, name: string): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { labels, value } of metrics.get(`${name}_bucket`) ?? []) {
    const limit = labels["le"] === "+Inf" ? Infinity : Number(labels["le"]);
    counts.set(limit, (counts.get(limit) ?? 0) + value);
  }
  return counts;
}
