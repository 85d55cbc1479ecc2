import type {
  EmbeddingBackend,
  EmbedOptions,
  OutputType,
  OutputVector,
  VectorSpace,
} from "../../embedding-backend.js";
import type { Embeddings } from "../../embeddings.js";
import { CandleEmbedError } from "../../errors.js";
import { untilAborted } from "../../utils/until-aborted.js";
import { BaseBackend } from "../base-backend.js";
import { describe, invalid } from "../check-options.js";
import { checkEmbedOptions, copyTexts } from "../embed-options.js";
import { describeError, isCallersFault, nobodyAnswered } from "./blame.js";
import { CircuitBreaker, type Pass } from "./circuit-breaker.js";
import { checkFallbackOptions, type FallbackOptions } from "./fallback-options.js";
import { Member, type LazyBackend } from "./member.js";
import { SpaceGuard } from "./space-guard.js";

interface Failure {
  readonly member: Member;
  readonly name: string;
  readonly error: unknown;
}

/**
 * Several backends of one vector space, of which the first that can answers a call: all of it.
 *
 * ```ts
 * const backend = await FallbackBackend.create([api, local], { logger: console });
 * ```
 *
 * Bad input is not tried elsewhere. A backend that fails several times in a row is skipped for a growing time, then one call
 * tries it. No vectors of different spaces get mixed: see {@link FallbackBackend.create}.
 */
export class FallbackBackend extends BaseBackend {
  override readonly modelId: string;
  override readonly revision: string;
  override readonly dimensions: number;
  override readonly maxTokens: number;
  override readonly space: VectorSpace;

  readonly #members: readonly Member[];
  readonly #options: FallbackOptions;
  /** `undefined`: the caller wants spaces mixed. */
  readonly #guard: SpaceGuard | undefined;
  /** Why each member failed last. */
  readonly #lastErrors = new Map<Member, unknown>();
  /** Whether the last line of the log says that it is falling back. */
  #fallingBack = false;

  private constructor(members: readonly Member[], guard: SpaceGuard, options: FallbackOptions) {
    super();
    const backends = members.flatMap(({ backend }) => (backend === undefined ? [] : [backend]));
    const [first] = backends as [EmbeddingBackend];
    this.#members = members;
    this.#options = options;
    this.#guard = options.allowDifferentSpace === true ? undefined : guard;
    this.space = this.#guard?.space ?? first.space;
    this.modelId = this.space.modelId;
    this.revision = this.space.revision;
    this.dimensions = first.dimensions;
    this.maxTokens = Math.min(...backends.map(({ maxTokens }) => maxTokens));
  }

  /**
   * Puts backends one behind the other. They belong to it from then on: its `dispose` disposes them.
   *
   * All must have the same space. Backends whose weights have the same hash do. An API says so by its option `space`, and
   * proves it before its first answer; one that does not say so proves it here, and has to be reachable: built-in texts are
   * embedded by both, and each pair of vectors must have a cosine of 0.999. The proof is repeated after an hour and after
   * every failure. A backend that fails it answers nothing, and is told of in the log.
   *
   * @param backends At least two, the preferred one first. A function loads its backend in the background while another
   * answers; not all may be functions.
   * @throws CandleEmbedError `SPACE_MISMATCH` with the figures; `INVALID_INPUT`.
   */
  static async create(
    backends: readonly (EmbeddingBackend | LazyBackend)[],
    options: FallbackOptions = {},
  ): Promise<FallbackBackend> {
    checkFallbackOptions(options);
    if (!Array.isArray(backends) || backends.length < 2)
      throw invalid("a fallback needs two backends or more");
    const settings = {
      failures: options.failures ?? 3,
      firstPauseMs: options.firstPause ?? 1_000,
      longestPauseMs: options.longestPause ?? 60_000,
    };
    const members = backends.map((backend: EmbeddingBackend | LazyBackend, index) => {
      if (typeof backend !== "function" && !isBackend(backend)) {
        throw invalid(
          `backend ${String(index)} is neither a backend nor a function, but ${describe(backend)}`,
        );
      }
      return new Member(index, backend, new CircuitBreaker(settings));
    });
    if (members.every(({ backend }) => backend === undefined)) {
      throw invalid("one backend must be there already: await one of the functions");
    }
    const guard = new SpaceGuard(members, options.proofLasts ?? 3_600_000);
    if (options.allowDifferentSpace !== true) await checkSpaces(members, guard);
    const fallback = new FallbackBackend(members, guard, options);
    for (const member of members) {
      if (member.backend === undefined) fallback.#loadInBackground(member);
    }
    return fallback;
  }

  /** Whether calls are answered by another backend than the first, which failed. */
  get fallingBack(): boolean {
    return this.#fallingBack;
  }

  /**
   * Embeds one text or many, all by one backend: `backend` of the result says by which.
   *
   * @throws CandleEmbedError as the backends do; where all failed, with the code of the first one and all errors in the
   * `cause`.
   */
  override async embed<Output extends OutputType = "float32">(
    texts: string | readonly string[],
    options: EmbedOptions<Output> = {},
  ): Promise<Embeddings<OutputVector<Output>>> {
    checkEmbedOptions(options);
    const inputs = copyTexts(texts);
    this.checkNotDisposed();
    const failures: Failure[] = [];
    const skipped: Member[] = [];
    for (const member of this.#members) {
      const pass = member.breaker.enter();
      if (pass === undefined) skipped.push(member);
      else {
        const embeddings = await this.#try(member, pass, inputs, options, failures);
        if (embeddings !== undefined) return embeddings;
      }
    }
    // All others failed: better to ask one that is being skipped than to give up.
    for (const member of skipped) {
      const pass = member.breaker.enter(true) as Pass;
      const embeddings = await this.#try(member, pass, inputs, options, failures);
      if (embeddings !== undefined) return embeddings;
    }
    throw nobodyAnswered(failures);
  }

  /** The answer of one member; `undefined`, and a failure more, where it has none. */
  async #try<Output extends OutputType>(
    member: Member,
    pass: Pass,
    texts: readonly string[],
    options: EmbedOptions<Output>,
    failures: Failure[],
  ): Promise<Embeddings<OutputVector<Output>> | undefined> {
    // What the caller's own callback throws must end the call, not the trust in a backend.
    let thrown: { error: unknown } | undefined;
    const { onProgress } = options;
    const watched = onProgress && {
      ...options,
      onProgress: (progress: Parameters<typeof onProgress>[0]) => {
        try {
          onProgress(progress);
        } catch (error) {
          thrown = { error };
          throw error;
        }
      },
    };
    let asked = false;
    try {
      const backend = member.backend ?? (await waitFor(member.get(), options.signal));
      if (this.#guard?.holds(member, backend, options.dimensions ?? 0) === false) {
        await waitFor(this.#guard.prove(member, backend, options.dimensions ?? 0), options.signal);
      }
      asked = true;
      const embeddings = await backend.embed(texts, watched ?? options);
      if (pass.succeeded()) this.#lastErrors.delete(member);
      this.#answered(member);
      return embeddings;
    } catch (error) {
      this.checkNotDisposed();
      if (thrown !== undefined || options.signal?.aborted === true || isCallersFault(error, asked)) {
        pass.dropped();
        throw error;
      }
      pass.failed();
      this.#failed(member, error);
      failures.push({ member, name: member.name, error });
      return undefined;
    }
  }

  /** Disposes all backends, also one that is still being loaded. */
  protected override async end(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.dispose()));
  }

  #failed(member: Member, error: unknown): void {
    // Another program may run behind its address when it comes back.
    member.proofs.clear();
    this.#lastErrors.set(member, error);
    if (!CandleEmbedError.isInstance(error) || error.code !== "SPACE_MISMATCH") return;
    member.breaker.trip();
  }

  #answered(member: Member): void {
    const [first] = this.#members as [Member];
    if (member === first) {
      // A call that began before the failures does not end them.
      if (!this.#fallingBack || this.#lastErrors.has(first)) return;
      this.#fallingBack = false;
      this.#options.logger?.info(`candle-embed: ${first.name} answers again`);
      return;
    }
    const error = this.#lastErrors.get(first);
    if (!this.#fallingBack) {
      this.#fallingBack = true;
      this.#options.logger?.warn(
        `candle-embed: ${member.name} answers in place of ${first.name}, which failed: ${describeError(error)}`,
      );
    }
    try {
      this.#options.onFallback?.({ from: first.name, to: member.name, error });
    } catch {
      // A listener's fault is no reason to lose vectors.
    }
  }

  #loadInBackground(member: Member): void {
    const proveAtOnce = async (): Promise<void> => {
      const backend = await member.get();
      // Now, while the others can be reached, rather than when they can't.
      if (this.#guard?.holds(member, backend, 0) === false) await this.#guard.prove(member, backend, 0);
    };
    proveAtOnce().catch((error: unknown) => {
      if (this.isDisposed) return;
      this.#options.logger?.warn(`candle-embed: ${member.name} is not ready: ${describeError(error)}`);
    });
  }
}

/** By its members: backends come from elsewhere too. */
function isBackend(value: unknown): boolean {
  const { embed, space } = Object(value) as Partial<EmbeddingBackend>;
  return typeof embed === "function" && typeof space === "object";
}

/** Undeclared spaces are proven here, since nobody may answer from them before. */
async function checkSpaces(members: readonly Member[], guard: SpaceGuard): Promise<void> {
  const there = members.flatMap((member) =>
    member.backend === undefined ? [] : [{ member, backend: member.backend }],
  );
  for (const { member, backend } of there) guard.checkDescription(member, backend);
  for (const { member, backend } of there) {
    if (guard.isDeclared(backend)) continue;
    try {
      await guard.prove(member, backend, 0);
    } catch (error) {
      if (CandleEmbedError.isInstance(error) && error.code === "SPACE_MISMATCH") throw error;
      throw new CandleEmbedError(
        "SPACE_MISMATCH",
        `that ${member.name} has the space of the other backends is neither declared (option "space") nor can it be ` +
          `shown now: ${describeError(error)}`,
        { cause: error },
      );
    }
  }
}

function waitFor<Result>(result: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  return signal === undefined ? result : untilAborted(signal, () => result);
}
