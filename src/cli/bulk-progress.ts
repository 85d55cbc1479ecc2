import type { RunState } from "../bulk/journal.js";
import type { Source } from "../bulk/sources/source.js";
import { formatDuration } from "./format-duration.js";
import { ProgressBar, toBar } from "./progress-bar.js";

/** How often the line on a terminal changes. */
const drawEveryMs = 200;

/** How often there is a line where nobody watches: what a log can bear. */
const logEveryMs = 60_000;

/** Rates are those of this window. */
const windowMs = 10_000;

/** What can be said of a run under way. */
export interface BulkView {
  /** How much of the input has been read, 0 to 1; absent where its size is not known. */
  readonly share?: number;
  readonly texts: number;
  readonly textsPerSecond: number;
  readonly tokensPerSecond: number;
  readonly secondsLeft?: number;
  readonly truncated: number;
  readonly bad: number;
}

interface Sample {
  readonly at: number;
  readonly texts: number;
  readonly tokens: number;
}

/** The progress of a run: a line that changes on a terminal, a line a minute elsewhere. */
export class BulkProgress {
  readonly #stderr: NodeJS.WriteStream;
  readonly #bar: ProgressBar;
  readonly #source: Source;
  readonly #startedAt = performance.now();
  readonly #doneBefore: number;
  readonly #samples: Sample[] = [];
  #state: RunState;
  /** Of the batch that is worked on. */
  #current = { texts: 0, tokens: 0 };
  #shownAt: number;

  /** @param state Where an earlier run stopped: what it did is progress, but not speed. */
  constructor(stderr: NodeJS.WriteStream, source: Source, state: RunState) {
    this.#stderr = stderr;
    this.#bar = new ProgressBar(stderr);
    this.#source = source;
    this.#state = state;
    this.#doneBefore = state.position === undefined ? 0 : source.done(state.position);
    this.#shownAt = this.#startedAt;
    this.#samples.push({ at: this.#startedAt, texts: state.rows, tokens: state.tokens });
  }

  /** Seconds since the beginning of this run. */
  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1_000;
  }

  /** A batch is written. */
  update(state: RunState): void {
    this.#state = state;
    this.#current = { texts: 0, tokens: 0 };
    this.#show();
  }

  /** A part of a batch is done. */
  working(texts: number, tokens: number): void {
    this.#current = { texts, tokens };
    this.#show();
  }

  clear(): void {
    this.#bar.clear();
  }

  #show(): void {
    const now = performance.now();
    const terminal = this.#stderr.isTTY;
    if (now - this.#shownAt < (terminal ? drawEveryMs : logEveryMs)) return;
    this.#shownAt = now;
    const view = this.#view(now);
    // hasColors knows NO_COLOR, FORCE_COLOR and terminals without colours.
    if (terminal) this.#bar.showLine((width) => bulkLine(view, width, this.#stderr.hasColors()));
    else this.#stderr.write(`candle-embed: ${bulkLog(view)}\n`);
  }

  #view(now: number): BulkView {
    const { position, rows, tokens, truncated, bad } = this.#state;
    const last = this.#samples.at(-1) as Sample;
    const sample = {
      at: now,
      // What was shown is not taken back while a batch that is done waits to be written.
      texts: Math.max(last.texts, rows + this.#current.texts),
      tokens: Math.max(last.tokens, tokens + this.#current.tokens),
    };
    this.#samples.push(sample);
    while (this.#samples.length > 2 && now - (this.#samples[0] as Sample).at > windowMs)
      this.#samples.shift();
    const first = this.#samples[0] as Sample;
    const seconds = (now - first.at) / 1_000;
    const done = position === undefined ? 0 : this.#source.done(position);
    const { total } = this.#source;
    const share = total === undefined ? undefined : total === 0 ? 1 : done / total;
    // By bytes over the whole run, as texts differ in length.
    const speed = (done - this.#doneBefore) / this.seconds;
    return {
      ...(share !== undefined && { share }),
      texts: sample.texts,
      textsPerSecond: (sample.texts - first.texts) / seconds,
      tokensPerSecond: (sample.tokens - first.tokens) / seconds,
      ...(total !== undefined && speed > 0 && { secondsLeft: (total - done) / speed }),
      truncated,
      bad,
    };
  }
}

const leastCells = 10;

const compact = new Intl.NumberFormat("en-US", { notation: "compact" });

const colours = { bar: 36, share: 1, truncated: 33, bad: 31 } as const;

/**
 * One line of at most `width` columns; what does not fit is left out, the least needed first. For example
 * `[=========>          ]   47%  470,112 texts  2,431/s  3:38 left  3 bad  31K tok/s  12 cut`.
 */
export function bulkLine(view: BulkView, width: number, coloured: boolean): string {
  const paint = (text: string, colour: number): string =>
    coloured ? `\u001B[${String(colour)}m${text}\u001B[0m` : text;
  const { share, secondsLeft, truncated, bad } = view;
  const parts = [
    share === undefined ? undefined : { text: percent(share), colour: colours.share },
    { text: `${count(view.texts)} texts` },
    { text: `${count(view.textsPerSecond)}/s` },
    secondsLeft === undefined ? undefined : { text: `${formatDuration(secondsLeft)} left` },
    bad === 0 ? undefined : { text: `${count(bad)} bad`, colour: colours.bad },
    { text: `${compact.format(view.tokensPerSecond)} tok/s` },
    truncated === 0 ? undefined : { text: `${count(truncated)} cut`, colour: colours.truncated },
  ];
  // A bar that is shorter says less than the number beside it.
  const room = share === undefined ? width : width - leastCells - 4;
  let used = 0;
  const shown: string[] = [];
  for (const part of parts) {
    if (part === undefined || used + part.text.length > room) continue;
    used += part.text.length + 2;
    shown.push(part.colour === undefined ? part.text : paint(part.text, part.colour));
  }
  const cells = Math.min(40, width - used - 2);
  if (share === undefined || cells < leastCells) return shown.join("  ");
  return [paint(toBar(share, cells), colours.bar), ...shown].join("  ");
}

/** The same for a log. */
export function bulkLog({ share, secondsLeft, truncated, bad, ...view }: BulkView): string {
  return [
    ...(share === undefined ? [] : [percent(share).trim()]),
    `${count(view.texts)} texts`,
    `${count(view.textsPerSecond)} texts/s`,
    `${count(view.tokensPerSecond)} tokens/s`,
    ...(secondsLeft === undefined ? [] : [`${formatDuration(secondsLeft)} left`]),
    ...(truncated === 0 ? [] : [`${count(truncated)} cut`]),
    ...(bad === 0 ? [] : [`${count(bad)} bad lines`]),
  ].join(", ");
}

/** A whole number as people read it: `1,234,567`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function percent(share: number): string {
  return `${String(Math.min(100, Math.floor(share * 100))).padStart(3)}%`;
}
