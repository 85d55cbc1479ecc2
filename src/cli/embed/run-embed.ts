import type { Destination } from "../../bulk/destination.js";
import { withFiles, type FileDestination } from "../../bulk/file-destination.js";
import type { RunState } from "../../bulk/journal.js";
import { embedBulk } from "../../bulk/run.js";
import type { Source } from "../../bulk/sources/source.js";
import { StreamDestination } from "../../bulk/stream-destination.js";
import { finishTable, loadTablePackages } from "../../bulk/tables/finish-table.js";
import { PartsWriter } from "../../bulk/writers/parts-writer.js";
import { createWriter, type VectorWriter } from "../../bulk/writers/vector-writer.js";
import type { EmbeddingBackend, EmbedOptions } from "../../embedding-backend.js";
import { UsageError, type Context } from "../command.js";
import { openStream, waitTeller } from "../output.js";
import { parseCount } from "../parse.js";
import type { Input } from "./choose-input.js";
import { isTable, type ChosenOutput } from "./choose-output.js";
import { describeRun } from "./describe-run.js";
import { Embedder } from "./embedder.js";
import type { EmbedValues } from "./options.js";
import { Reporter } from "./reporter.js";
import { splitter } from "./splitter.js";

/** What the command line asks for. */
export interface EmbedRequest {
  readonly backend: EmbeddingBackend;
  readonly call: EmbedOptions;
  readonly input: Input;
  readonly output: ChosenOutput;
  readonly values: EmbedValues;
  readonly context: Context;
}

/** A request whose input and model are open. */
interface Run extends EmbedRequest {
  readonly source: Source;
  readonly embedder: Embedder;
}

/** Texts of a batch that this process works on with all its CPUs, and how many batches are handed over at a time. */
const nativeBatching = { batchTexts: 512, batchesAhead: 2 };

/** Texts of a batch for an API: what one request takes with most of them. */
const apiBatchTexts = 128;

const apiRequests = 4;

/** Embeds what is asked for into the output that is asked for. */
export async function runEmbed(request: EmbedRequest): Promise<void> {
  const { backend, call, input, output, values, context } = request;
  // Refuses wrong options before anything is opened.
  splitter(request);
  if (isTable(output.format)) await loadTablePackages(output.format);
  const embedder = await Embedder.open(backend, call, values, output.cache);
  try {
    const source = await input.open();
    const run = { ...request, source, embedder };
    if (output.file === undefined) {
      await toStream(run);
      return;
    }
    const options = {
      ...output.file,
      parts: isTable(output.format) ? "records and vectors" : "target",
      errors: output.errors,
      description: source.fingerprint && describeRun(backend, source.fingerprint, output, values),
      restart: values.restart === true,
      signal: context.signal,
      onWait: values.quiet === true ? undefined : waitTeller(context, output.file.target),
    } as const;
    await withFiles(options, (destination) => toFiles(run, destination));
  } finally {
    embedder.close();
  }
}

async function toStream(run: Run): Promise<void> {
  const { output, context, embedder } = run;
  if (isTable(output.format))
    throw new UsageError(`${output.format} is written to a file: pass --output FILE`);
  const stream = await openStream(output.name, context);
  const destination = await StreamDestination.open(stream, output.errors);
  try {
    const writer = createWriter(output.format, stream, {
      noTexts: embedder.noTexts,
      rows: 0,
      withText: withText(run),
    });
    await embedAll(run, destination, writer);
  } finally {
    await destination.close();
    stream.close();
  }
}

async function toFiles(run: Run, destination: FileDestination): Promise<void> {
  const { output, embedder, context } = run;
  const { format } = output;
  const { noTexts } = embedder;
  const [first, second] = destination.outputs;
  if (first === undefined) {
    // An earlier run had everything done but the names.
    await destination.finish();
    return reporterOf(run, destination).summary(destination.state, undefined);
  }
  if (second === undefined || !isTable(format)) {
    if (isTable(format)) throw new Error("a table is made of two parts");
    const options = { noTexts, rows: destination.state.rows, withText: withText(run) };
    await embedAll(run, destination, createWriter(format, first, options), () => destination.finish());
    return;
  }
  const writer = new PartsWriter(first, second, withText(run));
  await embedAll(run, destination, writer, ({ kinds }) =>
    destination.finish((file) =>
      finishTable(format, file, {
        records: first.path,
        vectors: second.path,
        kinds,
        withText: withText(run),
        noTexts,
        signal: context.signal,
      }),
    ),
  );
}

/** Embeds everything, and tells how it goes. */
async function embedAll(
  run: Run,
  destination: Destination,
  writer: VectorWriter,
  finish?: (state: RunState) => Promise<void>,
): Promise<void> {
  const { source, embedder, values, output } = run;
  const reporter = reporterOf(run, destination);
  let { state } = destination;
  embedder.onWork = reporter.working.bind(reporter);
  await reporter.begin();
  try {
    await embedBulk({
      source,
      destination,
      writer,
      embed: (texts) => embedder.embed(texts),
      split: splitter(run),
      ...batching(values),
      table: isTable(output.format),
      onProgress: (now) => {
        state = now;
        reporter.update(now);
      },
    });
    await finish?.(state);
  } catch (error) {
    await reporter.stopped(state);
    throw error;
  }
  await reporter.summary(state, embedder.embedded);
}

function reporterOf(
  { backend, context, source, input, output, values }: Run,
  { state }: Destination,
): Reporter {
  const watched = input.kind === "file" || (input.kind === "stdin" && context.stderr.isTTY);
  const options = {
    source,
    output,
    talks: watched && values.quiet !== true,
    maxTokens: backend.maxTokens,
    resumable: source.fingerprint !== undefined && output.file !== undefined,
  };
  return new Reporter(context, options, state);
}

function batching({ concurrency }: EmbedValues): { batchTexts: number; batchesAhead: number } {
  const provider = process.env["EMBEDDING_PROVIDER"];
  if (!provider || provider === "native") return nativeBatching;
  const requests = parseCount("concurrency", concurrency) ?? apiRequests;
  return { batchTexts: apiBatchTexts, batchesAhead: requests };
}

function withText({ values }: Run): boolean {
  return values["no-text"] !== true;
}
