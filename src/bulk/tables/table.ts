import type { OutputVector } from "../../embedding-backend.js";
import type { RecordHead } from "../writers/record-heads.js";
import type { Kind, Kinds } from "./kinds.js";

/** The forms that end in a footer or are a folder: made of the run's parts when all vectors are there. */
export const tableFormats = ["parquet", "arrow", "lance"] as const;
export type TableFormat = (typeof tableFormats)[number];

/** Some rows that follow each other. */
export interface TableRows {
  readonly records: readonly RecordHead[];
  /** Their vectors, one behind the other. */
  readonly vectors: OutputVector;
}

/** One column beside the vectors. */
export interface Column {
  readonly name: string;
  readonly kind: Kind;
  readonly nullable: boolean;
  readonly valueOf: (record: RecordHead) => unknown;
}

/** A table as its writers see it. */
export interface Table {
  readonly columns: readonly Column[];
  /** Numbers of a vector. */
  readonly vectorLength: number;
  /** An empty array of the vectors' type. */
  readonly vectorType: OutputVector;
  rows(): AsyncIterable<TableRows>;
}

/** The column of the vectors. */
export const vectorColumn = "embedding";

const own = ["index", "id", "chunk", "chunk_start", "chunk_end", "text", "tokens", "truncated", vectorColumn];

/** index, id, the place of a chunk and text, then the metadata in the order in which its fields came up, then what is known of the tokens. */
export function tableColumns({ id, chunks, metadata = {} }: Kinds, withText: boolean): Column[] {
  const fields = Object.entries(metadata);
  const names = new Set([...own, ...fields.map(([name]) => name)]);
  return [
    { name: "index", kind: "int", nullable: false, valueOf: ({ index }) => index },
    ...(id === undefined ? [] : [column("id", id, ({ id: value }) => value)]),
    ...(chunks === true ? chunkColumns : []),
    ...(withText ? [{ ...column("text", "string", ({ text }) => text), nullable: false }] : []),
    ...fields.map(([field, kind]) =>
      column(freeName(field, names), kind, (record) => record.metadata?.[field]),
    ),
    { name: "tokens", kind: "int", nullable: false, valueOf: ({ tokens }) => tokens },
    { name: "truncated", kind: "bool", nullable: false, valueOf: ({ truncated }) => truncated },
  ];
}

const chunkColumns: readonly Column[] = [
  column("chunk", "int", ({ chunk }) => chunk?.number),
  column("chunk_start", "int", ({ chunk }) => chunk?.start),
  column("chunk_end", "int", ({ chunk }) => chunk?.end),
];

function column(name: string, kind: Kind, value: (record: RecordHead) => unknown): Column {
  return { name, kind, nullable: true, valueOf: (record) => convert(value(record), kind) };
}

/** A field that is called like one of our columns gets an underscore, or as many as it takes. */
function freeName(field: string, names: ReadonlySet<string>): string {
  if (!own.includes(field)) return field;
  let name = `${field}_`;
  while (names.has(name)) name += "_";
  return name;
}

function convert(value: unknown, kind: Kind): unknown {
  if (value === null || value === undefined) return null;
  if (kind !== "string" || typeof value === "string") return value;
  return JSON.stringify(value);
}
