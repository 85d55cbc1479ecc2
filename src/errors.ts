/** Every `code` a {@link CandleEmbedError} can have. They are stable: match on them, not on messages. */
export const errorCodes = [
  /** No such catalogue name, package or folder, or a folder without a file that every model has. */
  "MODEL_NOT_FOUND",
  /** The model's files are broken or contradict each other. */
  "MODEL_INVALID",
  /** The model is of a family the engine does not run. */
  "UNSUPPORTED_ARCHITECTURE",
  /** An argument or option is wrong: its type, its name or its range. */
  "INVALID_INPUT",
  /** A text has more tokens than the model takes, and `truncate: "error"` was asked for. */
  "INPUT_TOO_LONG",
  /** Vectors of different lengths, data that is not whole rows, or a model without the `expectedDimensions`. */
  "DIMENSION_MISMATCH",
  /** Vectors of different models would be mixed. */
  "SPACE_MISMATCH",
  /** The device, or the addon for this platform, is not there. */
  "DEVICE_UNAVAILABLE",
  /** The caller's `AbortSignal` fired; the error's `name` is `AbortError` and its `cause` the signal's reason. */
  "ABORTED",
  /** The backend was disposed. */
  "DISPOSED",
  "DOWNLOAD_FAILED",
  "CHECKSUM_MISMATCH",
  "OFFLINE",
  /** An embeddings API refused, failed or could not be reached in time. */
  "API_ERROR",
  /** An embeddings API answered with something that is not the vectors of these texts. */
  "API_RESPONSE_INVALID",
  /** The command or function that gives the API's key did not give one. */
  "API_KEY_COMMAND_FAILED",
  "OVERLOADED",
  /** A fault of candle-embed itself. The backend works on. */
  "INTERNAL",
] as const;

/** One of {@link errorCodes}. */
export type CandleEmbedErrorCode = (typeof errorCodes)[number];

/** What an error carries besides its code and message. */
export interface CandleEmbedErrorDetails {
  /** The error or value this one came from. */
  readonly cause?: unknown;
  /** Which text of the call, counted from 0. */
  readonly index?: number | undefined;
  /** `INPUT_TOO_LONG`: the tokens of that text, special tokens included. */
  readonly tokens?: number | undefined;
  /** `INPUT_TOO_LONG`: the tokens the model takes. */
  readonly limit?: number | undefined;
  /** `API_ERROR`: the HTTP status. */
  readonly status?: number | undefined;
  /** `API_ERROR`: the API's own name for it. */
  readonly apiCode?: string | undefined;
  /** Errors of an API: what its operator finds the request by (`x-request-id`). */
  readonly requestId?: string | undefined;
  /** Errors of an API: whether the same call may succeed later. */
  readonly retryable?: boolean | undefined;
}

const marker = Symbol.for("candle-embed.error");

/** The class of every error candle-embed rejects with or throws. Details that do not apply are absent, not `undefined`. */
export class CandleEmbedError extends Error {
  /** Stable identifier of what went wrong. */
  readonly code: CandleEmbedErrorCode;
  /** Which text of the call, counted from 0, where one text is to blame. */
  declare readonly index?: number;
  /** `INPUT_TOO_LONG`: the tokens of that text, special tokens included. */
  declare readonly tokens?: number;
  /** `INPUT_TOO_LONG`: the tokens the model takes. */
  declare readonly limit?: number;
  /** `API_ERROR`: the HTTP status; absent where no answer came. */
  declare readonly status?: number;
  /** `API_ERROR`: the API's own name for it, for example `"model_not_found"`. */
  declare readonly apiCode?: string;
  /** Errors of an API: what its operator finds the request by (`x-request-id`). */
  declare readonly requestId?: string;
  /** Errors of an API: whether the same call may succeed later. */
  declare readonly retryable?: boolean;

  constructor(code: CandleEmbedErrorCode, message: string, details: CandleEmbedErrorDetails = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.code = code;
    // The platform's own name for an aborted operation, so that generic handlers recognise it.
    this.name = code === "ABORTED" ? "AbortError" : "CandleEmbedError";
    for (const name of ["index", "tokens", "limit", "status", "apiCode", "requestId", "retryable"] as const) {
      if (details[name] !== undefined) Object.assign(this, { [name]: details[name] });
    }
    Object.defineProperty(this, marker, { value: true });
  }

  /** Like `instanceof`, but also true for an error of another copy of this package in the same program. */
  static isInstance(value: unknown): value is CandleEmbedError {
    return typeof value === "object" && value !== null && marker in value;
  }
}
