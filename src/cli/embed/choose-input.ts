import {
  formatOf,
  fromTexts,
  inputFormats,
  openFile,
  openStdin,
  type Shard,
} from "../../bulk/sources/open-source.js";
import type { FieldOptions, Source } from "../../bulk/sources/source.js";
import { UsageError, type Context } from "../command.js";
import { parseChoice, parseFilled } from "../parse.js";
import type { EmbedValues } from "./options.js";

/** Where the texts come from, opened when the model is there. */
export interface Input {
  readonly kind: "texts" | "file" | "stdin";
  open(): Promise<Source>;
}

export function chooseInput(
  texts: readonly string[],
  values: EmbedValues,
  { stdin, signal }: Context,
): Input {
  const named = parseFilled("file", values.file);
  const file = named === "-" ? undefined : named;
  const format = parseChoice("input", values.input, inputFormats);
  const shard = parseShard(values.shard);
  const fields = parseFields(values);
  if (shard !== undefined && file === undefined)
    throw new UsageError("--shard needs a --file to take a part of");
  if (texts.length > 0) {
    if (named !== undefined) throw new UsageError("pass TEXT or --file, not both");
    return { kind: "texts", open: () => Promise.resolve(fromTexts(texts)) };
  }
  if (file !== undefined) {
    const options = { format: format ?? formatOf(file), fields, signal, shard };
    return { kind: "file", open: () => openFile(file, options) };
  }
  if (stdin.isTTY && named === undefined)
    throw new UsageError("nothing to embed: pass TEXT, --file or a pipe");
  const options = { format: format ?? "lines", fields, signal };
  // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is to be a rejection, as of the others
  return { kind: "stdin", open: async () => openStdin(stdin, options) };
}

function parseFields(values: EmbedValues): FieldOptions {
  const metadata = parseFilled("metadata", values.metadata);
  return {
    text: parseFilled("text-field", values["text-field"]),
    id: parseFilled("id-field", values["id-field"]),
    ...(metadata !== undefined &&
      metadata !== "all" && { metadata: metadata === "none" ? [] : metadata.split(",") }),
  };
}

function parseShard(value: string | undefined): Shard | undefined {
  if (value === undefined) return undefined;
  const [index, count] = (/^(\d{1,6})\/([1-9]\d{0,5})$/.exec(value) ?? []).slice(1).map(Number);
  if (index === undefined || count === undefined) {
    throw new UsageError(`--shard must be like 0/4, the first of four parts, not ${JSON.stringify(value)}`);
  }
  if (index >= count) {
    throw new UsageError(
      `--shard counts from 0: of ${String(count)} parts the last is ${String(count - 1)}/${String(count)}`,
    );
  }
  return { index, count };
}
