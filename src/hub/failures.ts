import { CandleEmbedError, type CandleEmbedErrorCode } from "../errors.js";
import { pathPrefix, type RepositoryKind } from "./repository-kind.js";

/** A failure that may be gone at the next try: a broken connection, a server that is busy. */
export class TransientFailure extends Error {
  /** What the server asked for with `Retry-After`. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, details: { cause?: unknown; retryAfterMs?: number | undefined } = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** A refusal by the server, by status; `errorCode` is the hub's own name for it (`X-Error-Code`). */
export class RefusedRequest extends Error {
  readonly status: number;
  readonly errorCode: string;

  constructor(url: URL, status: number, errorCode: string) {
    super(`${url.host} answered ${String(status)}${errorCode && ` (${errorCode})`} for ${url.pathname}`);
    this.status = status;
    this.errorCode = errorCode;
  }
}

/** What a refusal means to somebody who wants this model or data set. */
export function describeRefusal(
  refusal: RefusedRequest,
  kind: RepositoryKind,
  repository: string,
  revision: string,
  endpoint: string,
): CandleEmbedError {
  const { status, errorCode } = refusal;
  const failed = (code: CandleEmbedErrorCode, message: string): CandleEmbedError =>
    new CandleEmbedError(code, message, { cause: refusal });
  if (errorCode === "GatedRepo" || status === 403) {
    return failed(
      "DOWNLOAD_FAILED",
      `${repository} is not open to everybody: accept its terms at ${endpoint}/${pathPrefix(kind)}${repository}, then set HF_TOKEN to a ` +
        `token of that account (${refusal.message})`,
    );
  }
  if (errorCode === "RevisionNotFound") {
    return failed(
      "MODEL_NOT_FOUND",
      `${repository} has no revision ${JSON.stringify(revision)} at ${endpoint}`,
    );
  }
  // Without a token, the hub answers 401 for a private model and for one that is not there: it does not tell which.
  const isEntry = errorCode === "EntryNotFound";
  if (!isEntry && (errorCode === "RepoNotFound" || status === 401 || status === 404)) {
    return failed(
      "MODEL_NOT_FOUND",
      `there is no ${kind} ${repository} at ${endpoint}; if it is private, set HF_TOKEN to a token that can read it ` +
        `(${refusal.message})`,
    );
  }
  return failed("DOWNLOAD_FAILED", `${repository}: ${refusal.message}`);
}

/** What a failed call of the file system means to somebody who downloads. */
export function describeFileFailure(error: NodeJS.ErrnoException, cacheDir: string): CandleEmbedError {
  const where = "set HF_HUB_CACHE, or pass cacheDir";
  const hints: Readonly<Record<string, string>> = {
    ENOSPC: `the disk of the cache ${cacheDir} is full: make room ("candle-embed rm MODEL"), or ${where}`,
    EDQUOT: `the disk quota for the cache ${cacheDir} is used up: make room ("candle-embed rm MODEL"), or ${where}`,
    EROFS: `the cache ${cacheDir} can only be read, and the model is not in it: ${where}`,
    EACCES: `the cache ${cacheDir} cannot be written: ${where}`,
    EPERM: `the cache ${cacheDir} cannot be written: ${where}`,
  };
  const message = hints[error.code ?? ""] ?? `the cache ${cacheDir} cannot be used: ${error.message}`;
  return new CandleEmbedError("DOWNLOAD_FAILED", message, { cause: error });
}

/** Whether a call of the file system failed. */
export function isFileFailure(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "code" in error;
}
