import { CandleEmbedError } from "../errors.js";

/** A check of one option's value: gives what the option must be when the value is wrong, `undefined` when it is right. */
export type OptionCheck = (value: unknown) => string | undefined;

/** Throws `INVALID_INPUT` for a value that is not an object of known, well-formed options. `undefined` values pass. */
export function checkOptions(options: unknown, checks: Readonly<Record<string, OptionCheck>>): void {
  if (options === undefined) return;
  checkMembers("options", options, {});
  for (const [name, value] of Object.entries(options as object) as [string, unknown][]) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) {
      throw invalid(`unknown option "${name}"; the options are ${Object.keys(checks).join(", ")}`);
    }
    const expected = value === undefined ? undefined : check(value);
    if (expected !== undefined) {
      throw invalid(`option "${name}" must be ${expected}, not ${describe(value)}`);
    }
  }
}

/**
 * Throws `INVALID_INPUT` for a value that is not an object with these members, all of them well-formed. Others may be there:
 * such arguments are often another library's objects.
 */
export function checkMembers(
  what: string,
  value: unknown,
  checks: Readonly<Record<string, OptionCheck>>,
): void {
  if (isObject(value) !== undefined) throw invalid(`${what} must be an object, not ${describe(value)}`);
  for (const [name, check] of Object.entries(checks)) {
    const member = (value as Readonly<Record<string, unknown>>)[name];
    const expected = check(member);
    if (expected !== undefined) {
      throw invalid(`${what} must have "${name}", ${expected}, not ${describe(member)}`);
    }
  }
}

export const isBoolean: OptionCheck = (value) => (typeof value === "boolean" ? undefined : "true or false");

export const isString: OptionCheck = (value) => (typeof value === "string" ? undefined : "a string");

/** For names and folders, where an empty string is a variable that was not set. */
export const isFilledString: OptionCheck = (value) =>
  typeof value === "string" && value !== "" && !value.includes("\0")
    ? undefined
    : "a string that is not empty";

/** For members that are checked elsewhere, by those who take them. */
export const unchecked: OptionCheck = () => undefined;

export const isObject: OptionCheck = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? undefined : "an object";

export const isArray: OptionCheck = (value) => (Array.isArray(value) ? undefined : "an array");

export const isFunction: OptionCheck = (value) => (typeof value === "function" ? undefined : "a function");

/** By its members: test environments and polyfills have classes of their own. */
export const isAbortSignal: OptionCheck = (value) => {
  const { aborted, addEventListener, removeEventListener } = Object(value) as Partial<AbortSignal>;
  return typeof aborted === "boolean" &&
    typeof addEventListener === "function" &&
    typeof removeEventListener === "function"
    ? undefined
    : "an AbortSignal";
};

/** What fits the native side's 32 bits. */
const mostInteger = 0x7fff_ffff;

export const isPositiveInteger: OptionCheck = (value) => {
  if (!Number.isInteger(value) || Number(value) < 1) return "a whole number from 1";
  return Number(value) <= mostInteger ? undefined : `at most ${String(mostInteger)}`;
};

export function isOneOf(values: readonly string[]): OptionCheck {
  return (value) =>
    typeof value === "string" && values.includes(value) ? undefined : `one of ${values.join(", ")}`;
}

/** A value as an error message shows it: enough to recognise it, never a page of text. */
export function describe(value: unknown): string {
  if (typeof value === "string")
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (Array.isArray(value)) return "an array";
  if (value === null || value === undefined || typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  if (typeof (value as Partial<PromiseLike<unknown>>).then === "function") return "a promise (await it)";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

export function invalid(message: string, index?: number): CandleEmbedError {
  return new CandleEmbedError("INVALID_INPUT", message, { index });
}
