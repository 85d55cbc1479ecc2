import type { InputText } from "../record.js";
import type { FieldOptions } from "./source.js";

type Fields = Omit<InputText, "index" | "line">;

/** Takes text, id and metadata out of a record; or says, as a {@link BadLine}'s reason, why that cannot be done. */
export function takeFields(record: unknown, options: FieldOptions): Fields | string {
  const textField = options.text ?? "text";
  if (typeof record !== "object" || record === null || Array.isArray(record)) return "is no object";
  const fields = record as Record<string, unknown>;
  const text = Object.hasOwn(fields, textField) ? fields[textField] : undefined;
  if (typeof text !== "string") return `has no field ${JSON.stringify(textField)} with a string`;
  const idField = options.id ?? "id";
  const metadata = takeMetadata(fields, options);
  const rest = metadata === undefined ? {} : { metadata };
  const id = Object.hasOwn(fields, idField) ? fields[idField] : undefined;
  // null says that there is none, as a column without a value does.
  if (id === undefined || id === null) {
    return options.id === undefined ? { text, ...rest } : `has no field ${JSON.stringify(idField)}`;
  }
  const refusal = refuseId(id, idField);
  return refusal ?? { text, id: id as string | number, ...rest };
}

function refuseId(id: unknown, field: string): string | undefined {
  const name = JSON.stringify(field);
  if (typeof id !== "string" && typeof id !== "number") return `has an ${name} that is no string or number`;
  if (typeof id === "number" && Math.abs(id) > Number.MAX_SAFE_INTEGER) {
    return `has an ${name} that would be rounded: write numbers beyond 2^53 as strings`;
  }
  return undefined;
}

function takeMetadata(
  fields: Readonly<Record<string, unknown>>,
  options: FieldOptions,
): Readonly<Record<string, unknown>> | undefined {
  const entries = Object.entries(fields).filter(([name]) => isMetadata(name, options));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** Whether a field is passed on beside text and id. */
export function isMetadata(name: string, { text = "text", id = "id", metadata }: FieldOptions): boolean {
  return name !== text && name !== id && (metadata === undefined || metadata.includes(name));
}

/** The fields that a table has to have as columns: that of the text, and what was asked for by name. */
export function namedFields({ text = "text", id, metadata = [] }: FieldOptions): string[] {
  return [text, ...(id === undefined ? [] : [id]), ...metadata];
}
