import type { EmbeddingBackend, VectorSpace } from "../../embedding-backend.js";
import { CandleEmbedError } from "../../errors.js";
import { cosineSimilarity, dotProduct } from "../../similarity.js";
import { isFixed, sameSpace } from "../api/api-space.js";
import type { Member } from "./member.js";
import { embedProbes } from "./probe-texts.js";

/** Embedded int8 weights are at 0.9995 and more of their float32 original on the probes; other models far below 0.9. */
const leastCosine = 0.999;

/** Lengths differ by this part at most: only vectors that one side normalises and the other does not differ by more. */
const mostLengthDifference = 0.01;

/**
 * Sees to it that all backends give vectors of one space. Where the hash of the weights does not say so, a backend proves
 * it, before it answers, by vectors of the probe texts that are those of the others: anew after `proofLastsMs`, and after
 * it failed, because something else may run behind an address then.
 */
export class SpaceGuard {
  readonly #members: readonly Member[];
  readonly #proofLastsMs: number;
  /** Whose space the others must have: a backend that was there from the start, if possible one that cannot change. */
  readonly #anchor: EmbeddingBackend;
  /** The vectors that all must have, by `dimensions` (0: all). */
  readonly #references = new Map<number, Float32Array[]>();

  constructor(members: readonly Member[], proofLastsMs: number) {
    this.#members = members;
    this.#proofLastsMs = proofLastsMs;
    const there = members.flatMap(({ backend }) => backend ?? []);
    this.#anchor = there.find(({ space }) => isFixed(space)) ?? (there[0] as EmbeddingBackend);
  }

  /** The space that all must have. */
  get space(): VectorSpace {
    return this.#anchor.space;
  }

  /** Whether the backend may answer with so many dimensions now. */
  holds(member: Member, backend: EmbeddingBackend, dimensions: number): boolean {
    if (this.#isWarranted(backend)) return true;
    return performance.now() < (member.proofs.get(dimensions) ?? -Infinity);
  }

  /**
   * Compares a backend with the others; calls that come meanwhile wait for the same proof.
   *
   * @throws CandleEmbedError `SPACE_MISMATCH` with the figures; what the backend rejects with where it fails.
   */
  prove(member: Member, backend: EmbeddingBackend, dimensions: number): Promise<void> {
    const running = member.proving.get(dimensions);
    if (running !== undefined) return running;
    const proof = this.#prove(member, backend, dimensions).finally(() => member.proving.delete(dimensions));
    member.proving.set(dimensions, proof);
    return proof;
  }

  /** Before anything is embedded: what can be seen from the descriptions. */
  checkDescription(member: Member, { space }: EmbeddingBackend): void {
    const wanted = this.space;
    if (space.dimensions !== wanted.dimensions) {
      throw mismatch(member, `has ${String(space.dimensions)} dimensions, not ${String(wanted.dimensions)}`);
    }
    if (space.normalized !== wanted.normalized) {
      const [own, others] = space.normalized ? ["length 1", "any length"] : ["any length", "length 1"];
      throw mismatch(
        member,
        `gives vectors of ${own}, the others of ${others} (option "normalized" of ApiBackend)`,
      );
    }
  }

  /** Whether a backend says that its space is that of the others: by the weights, or because the caller declared it. */
  isDeclared({ space }: EmbeddingBackend): boolean {
    return sameSpace(space, this.space);
  }

  #isWarranted({ space }: EmbeddingBackend): boolean {
    return isFixed(space) && space.id === this.space.id;
  }

  async #prove(member: Member, backend: EmbeddingBackend, dimensions: number): Promise<void> {
    this.checkDescription(member, backend);
    const vectors = await embedProbes(backend, dimensions);
    const taken = this.#references.has(dimensions)
      ? undefined
      : await this.#takeReference(backend, dimensions);
    // Another proof may have set them meanwhile.
    const reference = this.#references.get(dimensions) ?? taken;
    if (reference !== undefined) compare(member, vectors, reference);
    else if (!this.isDeclared(backend)) {
      throw mismatch(member, 'cannot show that it is theirs, as no other backend answers (option "space")');
    }
    this.#references.set(dimensions, reference ?? vectors);
    member.proofs.set(dimensions, performance.now() + this.#proofLastsMs);
  }

  /** Vectors of another backend that may answer; `undefined` where there is none, and for the anchor itself. */
  async #takeReference(subject: EmbeddingBackend, dimensions: number): Promise<Float32Array[] | undefined> {
    if (subject === this.#anchor) return undefined;
    const proven = this.#members.flatMap((member) =>
      member.backend !== undefined && this.holds(member, member.backend, 0) ? member.backend : [],
    );
    for (const other of [this.#anchor, ...proven]) {
      try {
        return await embedProbes(other, dimensions);
      } catch {
        // It fails for callers too, who are told then.
      }
    }
    return undefined;
  }
}

function compare(member: Member, vectors: Float32Array[], reference: readonly Float32Array[]): void {
  const cosines = vectors.map((vector, index) => cosineSimilarity(vector, reference[index] as Float32Array));
  const lengths = vectors.map((vector, index) => length(vector) / length(reference[index] as Float32Array));
  const sameDirections = cosines.every((cosine) => cosine >= leastCosine);
  if (sameDirections && lengths.every((ratio) => Math.abs(ratio - 1) <= mostLengthDifference)) return;
  const figures = sameDirections
    ? `lengths in the proportion ${lengths.map((ratio) => ratio.toFixed(3)).join(", ")}`
    : `cosines ${cosines.map((cosine) => cosine.toFixed(4)).join(", ")}, of which each must be ${String(leastCosine)} or more`;
  throw mismatch(member, `gives other vectors for the same texts: ${figures}`);
}

function length(vector: Float32Array): number {
  return Math.sqrt(dotProduct(vector, vector));
}

function mismatch(member: Member, why: string): CandleEmbedError {
  return new CandleEmbedError(
    "SPACE_MISMATCH",
    `the vectors of ${member.name} cannot stand beside those of the other backends: it ${why}. ` +
      '"allowDifferentSpace: true" mixes them all the same',
  );
}
