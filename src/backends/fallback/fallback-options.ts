import {
  checkOptions,
  isBoolean,
  isFunction,
  isPositiveInteger,
  type OptionCheck,
} from "../check-options.js";

/** Where one line goes when falling back begins and one when it ends. `console` is one. */
export interface FallbackLogger {
  /** Takes the line of an end. */
  info(message: string): void;
  /** Takes the line of a beginning. */
  warn(message: string): void;
}

/** A call that a later backend answered because an earlier one failed. */
export interface FallbackEvent {
  /** The class of the backend that failed, for example `"ApiBackend"`. */
  readonly from: string;
  /** The class of the backend that answered. */
  readonly to: string;
  /** Why; an error of an earlier call where the backend is being skipped. */
  readonly error: unknown;
}

/** Options of `FallbackBackend.create`. */
export interface FallbackOptions {
  /** Hears when falling back begins and ends. */
  readonly logger?: FallbackLogger | undefined;
  /** Called for every call that is answered by another backend than the first. What it throws is ignored. */
  readonly onFallback?: ((event: FallbackEvent) => void) | undefined;
  /** Vectors of different models may be mixed: nothing is compared. */
  readonly allowDifferentSpace?: boolean | undefined;
  /** Failures in a row after which a backend is skipped. Default 3. */
  readonly failures?: number | undefined;
  /** Milliseconds it is skipped at first; twice as long each time it fails again. Default 1,000. */
  readonly firstPause?: number | undefined;
  /** Default 60,000 milliseconds. */
  readonly longestPause?: number | undefined;
  /** Milliseconds after which a backend's space is proven again. Default 3,600,000, an hour. */
  readonly proofLasts?: number | undefined;
}

const checks = {
  logger: (value) => {
    const { info, warn } = Object(value) as Partial<FallbackLogger>;
    return typeof info === "function" && typeof warn === "function"
      ? undefined
      : "an object with info() and warn()";
  },
  onFallback: isFunction,
  allowDifferentSpace: isBoolean,
  failures: isPositiveInteger,
  firstPause: isPositiveInteger,
  longestPause: isPositiveInteger,
  proofLasts: isPositiveInteger,
} satisfies Record<keyof FallbackOptions, OptionCheck>;

export function checkFallbackOptions(options: FallbackOptions): void {
  checkOptions(options, checks);
}
