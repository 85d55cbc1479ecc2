import type { OutputVector } from "../embedding-backend.js";
import type { Embeddings } from "../embeddings.js";
import { CandleEmbedError } from "../errors.js";
import { cutBatches, type Batch, type SplitText } from "./batches.js";
import type { Destination } from "./destination.js";
import type { RunState } from "./journal.js";
import type { BadLine, InputText } from "./record.js";
import type { EmbedTexts } from "./reuse.js";
import type { Source } from "./sources/source.js";
import { lineError } from "./sources/texts-of.js";
import { maxColumns, mergeKinds } from "./tables/kinds.js";
import type { VectorWriter } from "./writers/vector-writer.js";

export interface BulkOptions {
  readonly source: Source;
  readonly destination: Destination;
  readonly writer: VectorWriter;
  readonly embed: EmbedTexts;
  /** Splits texts before they are embedded. */
  readonly split?: SplitText | undefined;
  /** Texts of a batch. */
  readonly batchTexts: number;
  /** Batches under way at a time; the next is handed over while the one before it is worked on. */
  readonly batchesAhead: number;
  /** Whether the columns of a table have to be known at the end. */
  readonly table: boolean;
  readonly onProgress: (state: RunState) => void;
}

/** A batch with its vectors. */
interface Embedded {
  readonly batch: Batch;
  readonly texts: readonly InputText[];
  readonly bad: readonly BadLine[];
  /** Absent where none of the lines could be used. */
  readonly embeddings: Embeddings<OutputVector> | undefined;
}

/**
 * Reads, embeds, writes and commits batch after batch, in the order of the input, in memory that does not grow with it.
 * What is at the end is the state of the whole, with what earlier runs did.
 */
export async function embedBulk(options: BulkOptions): Promise<RunState> {
  const { source, destination, writer, batchTexts, batchesAhead } = options;
  const underWay: Promise<Embedded>[] = [];
  let { state } = destination;
  const commitNext = async (): Promise<void> => {
    const embedded = await (underWay.shift() as Promise<Embedded>);
    state = await writeBatch(embedded, state, options);
    options.onProgress(state);
  };
  for await (const batch of cutBatches(source, state.position, batchTexts, options.split)) {
    const embedded = embedBatch(batch, options);
    // Its failure is met in its turn; until then it is no unhandled one.
    embedded.catch(() => undefined);
    underWay.push(embedded);
    if (underWay.length >= batchesAhead) await commitNext();
  }
  while (underWay.length > 0) await commitNext();
  await writer.end();
  return state;
}

/** Embeds the texts of a batch; those that are too long, where that is an error, are bad lines like others. */
async function embedBatch(batch: Batch, { embed, destination }: BulkOptions): Promise<Embedded> {
  let texts = batch.texts;
  const bad = [...batch.bad];
  if (destination.errors === undefined) refuseBad(bad);
  while (texts.length > 0) {
    try {
      const embeddings = await embed(texts.map(({ text }) => text));
      return { batch, texts, bad, embeddings };
    } catch (error) {
      const { code, index, tokens, limit } = CandleEmbedError.isInstance(error) ? error : {};
      const tooLong = index === undefined ? undefined : texts[index];
      if (code !== "INPUT_TOO_LONG" || tooLong === undefined) throw error;
      const reason = `has ${String(tokens)} tokens, the model reads ${String(limit)}`;
      if (destination.errors === undefined) {
        // The engine counts within its batch, the user over the whole input.
        const place = `text ${String(tooLong.index)} (counted from 0)`;
        throw new CandleEmbedError(code, `${place} ${reason}`, { cause: error });
      }
      bad.push({ line: tooLong.line, index: tooLong.index, reason });
      texts = texts.filter((text) => text !== tooLong);
    }
  }
  return { batch, texts, bad, embeddings: undefined };
}

function refuseBad([first]: readonly BadLine[]): void {
  if (first !== undefined) throw lineError(first);
}

/** Where a run begins with nothing but lines that cannot be used, it is the options that are wrong. */
function refuseAll(bad: readonly BadLine[]): void {
  const [first] = bad;
  if (first === undefined) return;
  throw new CandleEmbedError(
    "INVALID_INPUT",
    `none of the first ${String(bad.length)} lines can be used: line ${String(first.line)} ${first.reason}`,
  );
}

async function writeBatch(
  { batch, texts, bad, embeddings }: Embedded,
  before: RunState,
  { destination, writer, table }: BulkOptions,
): Promise<RunState> {
  if (before.position === undefined && texts.length === 0) refuseAll(bad);
  const kinds = table ? mergeKinds(before.kinds, texts) : before.kinds;
  if (Object.keys(kinds.metadata ?? {}).length > maxColumns) {
    throw new CandleEmbedError(
      "INVALID_INPUT",
      `the records have more than ${String(maxColumns)} fields, too many for a table: choose some with --metadata`,
    );
  }
  if (embeddings !== undefined) await writer.write(texts, embeddings);
  if (bad.length > 0) {
    const lines = bad.toSorted((a, b) => a.index - b.index).map((line) => `${JSON.stringify(line)}\n`);
    await destination.errors?.write(lines.join(""));
  }
  const state: RunState = {
    position: batch.after,
    rows: before.rows + texts.length,
    bad: before.bad + bad.length,
    truncated: before.truncated + (embeddings?.truncated.length ?? 0),
    tokens: before.tokens + (embeddings?.tokens.reduce((sum, count) => sum + count, 0) ?? 0),
    kinds,
  };
  await destination.commit(state);
  return state;
}
