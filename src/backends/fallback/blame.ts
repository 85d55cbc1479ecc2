import { CandleEmbedError, type CandleEmbedErrorCode } from "../../errors.js";
import { messageOf } from "../../utils/message-of.js";

const codes: ReadonlySet<CandleEmbedErrorCode> = new Set([
  "INVALID_INPUT",
  "INPUT_TOO_LONG",
  "DIMENSION_MISMATCH",
  "ABORTED",
]);

/** The statuses by which APIs refuse what a call sent, rather than the caller. */
const statuses: ReadonlySet<number> = new Set([400, 413, 422]);

/**
 * Whether a call failed because of what was asked for, so that another backend has nothing to do with it.
 *
 * @param asked Whether the caller's texts have been sent; an API that refuses the probes is at fault itself.
 */
export function isCallersFault(error: unknown, asked: boolean): boolean {
  if (!CandleEmbedError.isInstance(error)) return false;
  return codes.has(error.code) || (asked && error.status !== undefined && statuses.has(error.status));
}

/** What a call rejects with that nobody could answer. The code is that of the first backend. */
export function nobodyAnswered(failures: readonly { name: string; error: unknown }[]): CandleEmbedError {
  const errors = failures.map(({ error }) => error);
  const [first] = errors;
  const known = CandleEmbedError.isInstance(first) ? first : undefined;
  const lines = failures.map(({ name, error }) => `${name}: ${describeError(error)}`);
  return new CandleEmbedError(known?.code ?? "INTERNAL", `no backend could answer. ${lines.join("; ")}`, {
    cause: new AggregateError(errors),
    status: known?.status,
    apiCode: known?.apiCode,
    requestId: known?.requestId,
    retryable: errors.some((error) => CandleEmbedError.isInstance(error) && error.retryable === true),
  });
}

export function describeError(error: unknown): string {
  if (CandleEmbedError.isInstance(error)) return `${error.code}: ${error.message}`;
  return messageOf(error);
}
