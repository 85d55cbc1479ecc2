/** How a run is ended from outside. */
export interface Ends {
  /** Fires when it is. */
  readonly signal: AbortSignal;
  /** The exit code of such an end; `undefined` while there was none. */
  readonly exitCode: number | undefined;
  unwatch(): void;
}

/**
 * Watches for Ctrl-C (130), SIGTERM (143) and a reader that has left, as `head` does (0). A second signal has its usual
 * effect and kills the process.
 */
export function watchEnds(stdout: NodeJS.WriteStream): Ends {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const end = (code: number): void => {
    exitCode ??= code;
    controller.abort();
  };
  const interrupt = (): void => {
    unwatch();
    end(130);
  };
  const terminate = (): void => {
    unwatch();
    end(143);
  };
  const unwatch = (): void => {
    process.removeListener("SIGINT", interrupt);
    process.removeListener("SIGTERM", terminate);
  };
  const broken = (error: NodeJS.ErrnoException): void => {
    // Other errors reach the write that failed.
    if (error.code === "EPIPE") end(0);
  };
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", terminate);
  stdout.on("error", broken);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    unwatch,
  };
}
