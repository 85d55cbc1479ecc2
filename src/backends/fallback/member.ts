import type { EmbeddingBackend } from "../../embedding-backend.js";
import type { CircuitBreaker } from "./circuit-breaker.js";

/** A backend that is loaded in the background, while another one answers. */
export type LazyBackend = () => Promise<EmbeddingBackend>;

/** One of the backends behind a fallback. */
export class Member {
  readonly breaker: CircuitBreaker;
  /** Until when each proof of its space holds, by `dimensions` (0: all). */
  readonly proofs = new Map<number, number>();
  /** Proofs that are being made. */
  readonly proving = new Map<number, Promise<void>>();
  readonly #position: number;
  readonly #load: LazyBackend | undefined;
  #backend: EmbeddingBackend | undefined;
  #loading: Promise<EmbeddingBackend> | undefined;

  constructor(position: number, backend: EmbeddingBackend | LazyBackend, breaker: CircuitBreaker) {
    this.#position = position;
    this.breaker = breaker;
    if (typeof backend === "function") this.#load = backend;
    else this.#backend = backend;
  }

  /** For messages: `"ApiBackend"`; its place for one that is not there yet. */
  get name(): string {
    return this.#backend?.constructor.name ?? `backend ${String(this.#position + 1)}`;
  }

  /** `undefined` until it is loaded. */
  get backend(): EmbeddingBackend | undefined {
    return this.#backend;
  }

  /** The backend; one that could not be loaded is loaded again. */
  get(): Promise<EmbeddingBackend> {
    if (this.#backend !== undefined) return Promise.resolve(this.#backend);
    const load = this.#load as LazyBackend;
    this.#loading ??= load().then(
      (backend) => (this.#backend = backend),
      (error: unknown) => {
        this.#loading = undefined;
        throw error;
      },
    );
    return this.#loading;
  }

  async dispose(): Promise<void> {
    // What is being loaded must not be left behind.
    await this.#loading?.catch(() => undefined);
    await this.#backend?.dispose();
  }
}
