/** The labels of a series, in a fixed order of names. */
export type Labels = Readonly<Record<string, string>>;

/** What writes itself as lines of Prometheus' text format. */
export interface Instrument {
  render(): string;
}

/** Counts by labels. */
export class Counter implements Instrument {
  readonly #name: string;
  readonly #help: string;
  readonly #series = new Map<string, { count: number }>();

  constructor(name: string, help: string) {
    this.#name = name;
    this.#help = help;
  }

  /** The series of these labels, to be kept where it is counted often. */
  of(labels: Labels): { count: number } {
    const key = labelText(labels);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { count: 0 };
      this.#series.set(key, series);
    }
    return series;
  }

  render(): string {
    const lines = [...this.#series].map(
      ([labels, { count }]) => `${this.#name}${braces(labels)} ${String(count)}\n`,
    );
    return head(this.#name, this.#help, "counter") + lines.join("");
  }
}

/** Values that are asked for when they are read. */
export class Gauge implements Instrument {
  readonly #name: string;
  readonly #help: string;
  readonly #read: () => Iterable<readonly [Labels, number]>;
  readonly #type: "gauge" | "counter";

  constructor(
    name: string,
    help: string,
    read: () => Iterable<readonly [Labels, number]>,
    type: "gauge" | "counter" = "gauge",
  ) {
    this.#name = name;
    this.#help = help;
    this.#read = read;
    this.#type = type;
  }

  render(): string {
    const lines = Array.from(
      this.#read(),
      ([labels, value]) => `${this.#name}${braces(labelText(labels))} ${String(value)}\n`,
    );
    return lines.length === 0 ? "" : head(this.#name, this.#help, this.#type) + lines.join("");
  }
}

/** One series of a histogram. */
export interface Observations {
  observe(value: number): void;
}

/** Counts of values below bounds, by labels. */
export class Histogram implements Instrument {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, HistogramSeries>();

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#bounds = bounds;
  }

  of(labels: Labels): Observations {
    const key = labelText(labels);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = new HistogramSeries(this.#bounds);
      this.#series.set(key, series);
    }
    return series;
  }

  render(): string {
    const lines = [...this.#series].map(([labels, series]) => series.render(this.#name, labels));
    return head(this.#name, this.#help, "histogram") + lines.join("");
  }
}

class HistogramSeries implements Observations {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    let low = 0;
    let high = this.#bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#bounds[middle] as number) < value) low = middle + 1;
      else high = middle;
    }
    this.#counts[low] = (this.#counts[low] as number) + 1;
    this.#sum += value;
  }

  render(name: string, labels: string): string {
    const prefix = labels === "" ? "" : `${labels},`;
    let total = 0;
    let text = "";
    for (const [index, count] of this.#counts.entries()) {
      total += count;
      const bound = this.#bounds[index];
      text += `${name}_bucket{${prefix}le="${bound === undefined ? "+Inf" : String(bound)}"} ${String(total)}\n`;
    }
    return `${text}${name}_sum${braces(labels)} ${String(this.#sum)}\n${name}_count${braces(labels)} ${String(total)}\n`;
  }
}

function head(name: string, help: string, type: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`)
    .join(",");
}

function braces(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}
