import { getText } from "./api.js";
import { byId } from "./elements.js";
import { drawPlot } from "./plot.js";
import { parseMetrics, quantileBetween, total, type Metrics } from "./prometheus.js";

const INTERVAL_MS = 2000;
/** Readings that are kept: ten minutes. */
const MAX_READINGS = 300;
/** A plot has room for a minute at first. */
const MIN_SLOTS = 30;

interface Reading {
  readonly at: number;
  readonly metrics: Metrics;
}

/** What the plots show, oldest first. */
const history = {
  requests: [] as number[],
  texts: [] as number[],
  queue: [] as number[],
  p50: [] as number[],
  p95: [] as number[],
};

let last: Reading | undefined;

/** Reads the server's metrics again and again while the page is seen. */
export function watchLoad(): void {
  const look = (): void => {
    void (document.hidden ? Promise.resolve() : read()).finally(() => setTimeout(look, INTERVAL_MS));
  };
  look();
}

async function read(): Promise<void> {
  const state = byId("load-state", HTMLElement);
  try {
    const reading = { at: performance.now(), metrics: parseMetrics(await getText("metrics")) };
    if (last !== undefined) add(last, reading);
    last = reading;
    state.textContent = "";
  } catch (error) {
    last = undefined;
    state.textContent = `No metrics: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function add(before: Reading, after: Reading): void {
  const seconds = (after.at - before.at) / 1000;
  const rate = (name: string): number => (total(after.metrics, name) - total(before.metrics, name)) / seconds;
  const latency = (share: number): number =>
    1000 * quantileBetween(before.metrics, after.metrics, "te_request_duration", share);
  push(history.requests, rate("te_request_count"));
  push(history.texts, rate("te_embed_count"));
  push(history.queue, total(after.metrics, "te_queue_size"));
  push(history.p50, latency(0.5));
  push(history.p95, latency(0.95));
  show("requests", `${format(history.requests)} requests/s, ${format(history.texts)} texts/s`, [
    { name: "requests a second", values: history.requests },
    { name: "texts a second", values: history.texts },
  ]);
  show("queue", `${format(history.queue)} waiting`, [
    { name: "requests in the queue", values: history.queue },
  ]);
  show("latency", `${format(history.p50)} ms median, ${format(history.p95)} ms p95`, [
    { name: "median, ms", values: history.p50 },
    { name: "95th percentile, ms", values: history.p95 },
  ]);
}

function push(values: number[], value: number): void {
  values.push(value);
  if (values.length > MAX_READINGS) values.shift();
}

function show(name: string, text: string, series: Parameters<typeof drawPlot>[1]): void {
  byId(`${name}-now`, HTMLElement).textContent = text;
  drawPlot(byId(`${name}-plot`, SVGSVGElement), series, Math.max(MIN_SLOTS, history.requests.length));
}

/** The newest value in three digits or so. */
function format(values: readonly number[]): string {
  const value = values.at(-1) ?? NaN;
  if (!Number.isFinite(value)) return "–";
  return value >= 100
    ? value.toFixed(0)
    : value >= 10 || value === 0
      ? value.toFixed(value === 0 ? 0 : 1)
      : value.toFixed(2);
}
