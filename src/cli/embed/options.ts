import { inputFormats } from "../../bulk/sources/open-source.js";
import { tableFormats } from "../../bulk/tables/table.js";
import { streamFormats } from "../../bulk/writers/vector-writer.js";
import { modelOptions, modelOptionsHelp } from "../model-options.js";
import type { parse } from "../parse.js";

/** Everything `--format` takes. */
export const outputFormats = [...streamFormats, ...tableFormats] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** The options of `candle-embed embed`, for `parse`. */
export const embedOptions = {
  ...modelOptions,
  file: { type: "string", values: "file" },
  input: { type: "string", values: inputFormats },
  "text-field": { type: "string" },
  "id-field": { type: "string" },
  metadata: { type: "string" },
  "no-text": { type: "boolean" },
  chunk: { type: "string" },
  overlap: { type: "string" },
  query: { type: "boolean" },
  dimensions: { type: "string" },
  "cut-without-matryoshka": { type: "boolean" },
  "output-type": { type: "string", values: ["float32", "int8", "uint8", "binary", "ubinary"] },
  truncate: { type: "string", values: ["end", "start", "error"] },
  format: { type: "string", values: outputFormats },
  output: { type: "string", short: "o", values: "file" },
  errors: { type: "string", values: "file" },
  strict: { type: "boolean" },
  restart: { type: "boolean" },
  shard: { type: "string" },
  "no-dedupe": { type: "boolean" },
  cache: { type: "string", values: "file" },
  concurrency: { type: "string" },
  quiet: { type: "boolean", short: "q" },
} as const;

export type EmbedValues = ReturnType<typeof parse<typeof embedOptions>>["values"];

export const embedHelp = `Usage: candle-embed embed [options] [TEXT...]

Makes the vector of each text. Without TEXT and --file the texts come from standard input. Input of any length is
worked through in constant memory (npy to a pipe excepted). From a --file to an --output, a run that was stopped, by
Ctrl-C, kill -9 or a full disk, goes on where it was when the same command is run again.

Input:
      --file FILE          read the texts from FILE; - is standard input, as it is alone in place of TEXT
      --input FORMAT       ${inputFormats.join(", ")}; default: what FILE's name ends in (.jsonl, .csv, .tsv,
                           .parquet), else lines: one text a line, an empty line is the empty text
      --text-field NAME    the field or column of the text (default: text)
      --id-field NAME      the field or column of an id (default: id, where there is one)
      --metadata NAMES     the other fields to pass on: all (default), none, or names with commas between them
      --chunk TOKENS       split texts into chunks of at most so many tokens, at paragraphs, sentences, lines, words;
                           each has a vector and its place in the text
      --overlap N          tokens that a chunk repeats of the one before, at most (default: 0)
      --shard PART         work on a part of FILE only: 0/4 is the first of four; the outputs in order are the whole

Vectors:
      --query              the texts are search queries (models with prompts tell them from documents)
      --dimensions N       keep the first N dimensions (models trained for it: Matryoshka)
      --cut-without-matryoshka
                           let --dimensions cut any model, at the price of what the vectors mean
      --output-type TYPE   float32 (default), int8, uint8, binary or ubinary
      --truncate HOW       end (default), start or error: what happens to texts the model cannot read whole
      --no-dedupe          embed a text that comes again again; vectors are the same either way
      --cache FILE         keep vectors in a SQLite file and take them from there (Node 22.13 or later)
      --concurrency N      requests to an API at a time (default: 4)

Output:
      --format FORMAT      ${outputFormats.join(", ")}; default: what the --output's
                           name ends in, else json. text: one vector a line; f32: bare numbers
  -o, --output FILE        write to FILE, which appears when it is complete (a pipe or device is written to as it is; -:
                           standard output)
      --no-text            leave the texts out of the output
      --errors FILE        where lines go that cannot be used (default: OUTPUT.errors.jsonl; without --output such a
                           line ends the run)
      --strict             end the run at the first line that cannot be used
      --restart            begin anew where an unfinished run with the same --output is found
  -q, --quiet              no progress and no summary

Model:
${modelOptionsHelp}

Examples:
  candle-embed embed "a text" "another text"
  candle-embed embed --file corpus.jsonl --text-field body --output vectors.parquet
  cat texts.txt | candle-embed embed --format npy --output vectors.npy
  candle-embed embed --file corpus.csv --shard 0/4 --output part-0.jsonl
  candle-embed embed --query --dimensions 256 --model nomic-embed-text-v1.5 "how long is a cable"`;
