import type { RunState } from "../../bulk/journal.js";
import type { Source } from "../../bulk/sources/source.js";
import { BulkProgress, count } from "../bulk-progress.js";
import type { Context } from "../command.js";
import { formatDuration } from "../format-duration.js";
import { columnsOf, wrap } from "../wrap.js";
import { write } from "../write.js";
import type { ChosenOutput } from "./choose-output.js";

interface ReporterOptions {
  readonly source: Source;
  readonly output: ChosenOutput;
  /** Whether there is anything to tell but what goes wrong: not of a few texts from the command line. */
  readonly talks: boolean;
  /** Tokens the model reads. */
  readonly maxTokens: number;
  /** Whether a run that stops can be gone on with. */
  readonly resumable: boolean;
}

/** Tells on stderr how a run goes and how it ended. */
export class Reporter {
  readonly #stderr: NodeJS.WriteStream;
  readonly #options: ReporterOptions;
  readonly #before: RunState;
  readonly #progress: BulkProgress | undefined;

  /** @param before Where an earlier run stopped. */
  constructor({ stderr }: Pick<Context, "stderr">, options: ReporterOptions, before: RunState) {
    this.#stderr = stderr;
    this.#options = options;
    this.#before = before;
    if (options.talks) this.#progress = new BulkProgress(stderr, options.source, before);
  }

  async begin(): Promise<void> {
    if (this.#before.position === undefined || !this.#options.talks) return;
    await this.#say(`going on after ${count(this.#before.rows)} texts of an earlier run`);
  }

  working(texts: number, tokens: number): void {
    this.#progress?.working(texts, tokens);
  }

  update(state: RunState): void {
    this.#progress?.update(state);
  }

  /** Beside the errors of the system, which name no text. */
  async stopped(state: RunState): Promise<void> {
    this.#progress?.clear();
    if (!this.#options.resumable || state.position === undefined) return;
    await this.#say(`stopped after ${count(state.rows)} texts; run the same command again to go on`);
  }

  /** @param embedded Texts of this run that had to be embedded, where others had not. */
  async summary(state: RunState, embedded: number | undefined): Promise<void> {
    const { output, maxTokens, talks } = this.#options;
    const seconds = this.#progress?.seconds ?? 0;
    this.#progress?.clear();
    const texts = state.rows - this.#before.rows;
    const tokens = state.tokens - this.#before.tokens;
    if (talks) {
      const rates = `${count(texts / seconds)} texts/s, ${count(tokens / seconds)} tokens/s`;
      await this.#say(
        `${count(texts)} texts, ${count(tokens)} tokens in ${formatDuration(seconds)} (${rates})`,
      );
      if (embedded !== undefined && embedded < texts) {
        await this.#say(`${count(texts - embedded)} of them were known and not embedded again`);
      }
      if (texts < state.rows) await this.#say(`${count(state.rows)} texts with those of earlier runs`);
    }
    if (state.truncated > 0) {
      const cut = `${String(state.truncated)} of the texts had more than ${String(maxTokens)} tokens`;
      await this.#say(`${cut} and were cut`);
    }
    if (state.bad > 0) {
      const lines = state.bad === 1 ? "line" : "lines";
      await this.#say(`${count(state.bad)} ${lines} could not be used: see ${output.errors ?? ""}`);
    }
  }

  async #say(message: string): Promise<void> {
    const indent = "  ";
    const lines = wrap(`candle-embed: ${message}`, columnsOf(this.#stderr) - indent.length);
    await write(this.#stderr, `${lines.join(`\n${indent}`)}\n`);
  }
}
