import type { InputText } from "../record.js";

/** What a column of a table holds. */
export type Kind = "bool" | "int" | "double" | "string";

/** The columns by field; `id` has a place of its own, since metadata may have a field of that name. */
export interface Kinds {
  readonly id?: Kind;
  /** Whether rows are chunks. */
  readonly chunks?: boolean;
  readonly metadata?: Readonly<Record<string, Kind>>;
}

/** Columns beyond what any table should have: a field per record, as maps of ids have, is no column. */
export const maxColumns = 1_000;

/**
 * The kinds of the columns after these texts too. Whole and broken numbers meet as `double`; everything else that
 * does not agree, and what is nested, becomes `string` (JSON, where it is no string). `null` says nothing.
 */
export function mergeKinds(kinds: Kinds, texts: readonly InputText[]): Kinds {
  let { id } = kinds;
  const metadata = new Map(Object.entries(kinds.metadata ?? {}));
  for (const text of texts) {
    id = merge(id, kindOf(text.id));
    for (const [name, value] of Object.entries(text.metadata ?? {})) {
      const kind = merge(metadata.get(name), kindOf(value));
      if (kind !== undefined) metadata.set(name, kind);
    }
  }
  return {
    ...(id !== undefined && { id }),
    ...((kinds.chunks === true || texts.some(({ chunk }) => chunk !== undefined)) && { chunks: true }),
    ...(metadata.size > 0 && { metadata: Object.fromEntries(metadata) }),
  };
}

function kindOf(value: unknown): Kind | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isSafeInteger(value) ? "int" : "double";
  return "string";
}

function merge(a: Kind | undefined, b: Kind | undefined): Kind | undefined {
  if (a === undefined || b === undefined || a === b) return a ?? b;
  const numbers = [a, b].every((kind) => kind === "int" || kind === "double");
  return numbers ? "double" : "string";
}
