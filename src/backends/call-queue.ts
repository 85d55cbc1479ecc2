import type { EmbedProgress } from "../embedding-backend.js";
import type { EngineEmbeddings, EngineEmbedOptions } from "../engine.js";
import { Cancellation } from "../utils/cancellation.js";

/** One call to a model. */
export interface Call {
  readonly texts: readonly string[];
  readonly options: EngineEmbedOptions;
  readonly cancellation: Cancellation;
  readonly onProgress: ((progress: EmbedProgress) => void) | undefined;
}

interface WaitingCall extends Call {
  readonly characters: number;
  /** After a fault of calls that went together: whose fault it was shows when each goes alone. */
  alone: boolean;
  readonly resolve: (embeddings: EngineEmbeddings) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Characters of calls that go together: some 4,000 tokens, 30 ms of a small model. With more, the engine gets no faster, and
 * whoever is first waits for the last.
 */
const mostCharacters = 16_384;

/**
 * The calls to one model, in the order they were made. One runs at a time, with all of the engine's threads; short ones that
 * wait meanwhile and ask for the same go together as the next one, because one text alone keeps the threads half busy. A
 * text's vector does not depend on its neighbours, so nobody can tell.
 */
export class CallQueue {
  readonly #run: (call: Call) => Promise<EngineEmbeddings>;
  readonly #waiting = new Set<WaitingCall>();
  #busy = false;

  constructor(run: (call: Call) => Promise<EngineEmbeddings>) {
    this.#run = run;
  }

  /** Runs a call when its turn comes. Cancelled while it waits, it leaves the queue and rejects at once. */
  async submit(call: Call): Promise<EngineEmbeddings> {
    call.cancellation.throwIfCancelled();
    if (!this.#busy) return this.#alone(call);
    return new Promise((resolve, reject) => {
      const characters = call.texts.reduce((sum, { length }) => sum + length, 0);
      this.#wait({ ...call, characters, alone: false, resolve, reject });
    });
  }

  async #alone(call: Call): Promise<EngineEmbeddings> {
    this.#busy = true;
    try {
      return await this.#run(call);
    } finally {
      this.#next();
    }
  }

  #next(): void {
    const group = this.#takeGroup();
    const [first] = group;
    this.#busy = first !== undefined;
    if (first === undefined) return;
    for (const { cancellation } of group) cancellation.waiter = undefined;
    if (group.length === 1) this.#alone(first).then(first.resolve, first.reject);
    else void this.#together(first, group);
  }

  /** The first call that waits, and those that can go with it. */
  #takeGroup(): WaitingCall[] {
    const [first] = this.#waiting;
    if (first === undefined) return [];
    const group = [first];
    if (canShare(first)) {
      let characters = first.characters;
      let key: string | undefined;
      for (const call of this.#waiting) {
        if (call === first || !canShare(call)) continue;
        characters += call.characters;
        if (characters > mostCharacters) break;
        key ??= keyOf(first);
        if (keyOf(call) === key) group.push(call);
      }
    }
    for (const call of group) this.#waiting.delete(call);
    return group;
  }

  async #together({ options }: WaitingCall, group: readonly WaitingCall[]): Promise<void> {
    const cancellation = new Cancellation(undefined);
    let interested = group.length;
    for (const call of group) {
      call.cancellation.waiter = (error) => {
        if (--interested === 0) cancellation.cancel(error);
      };
    }
    let embeddings: EngineEmbeddings | undefined;
    try {
      const texts = group.flatMap((call) => call.texts);
      embeddings = await this.#run({ texts, options, cancellation, onProgress: undefined });
    } catch {
      this.#failed(group);
    }
    this.#next();
    if (embeddings !== undefined) deliver(group, embeddings);
  }

  /** Puts the calls back in front, each to go alone: one's fault must not fail the others. */
  #failed(group: readonly WaitingCall[]): void {
    const later = [...this.#waiting];
    this.#waiting.clear();
    for (const call of group) {
      if (call.cancellation.error !== undefined) {
        call.reject(call.cancellation.error);
        continue;
      }
      call.alone = true;
      this.#wait(call);
    }
    for (const call of later) this.#waiting.add(call);
  }

  #wait(call: WaitingCall): void {
    call.cancellation.waiter = (error) => {
      this.#waiting.delete(call);
      call.reject(error);
    };
    this.#waiting.add(call);
  }
}

/** Whoever hears of progress hears of its own, and a text that is too long is one call's alone. */
function canShare({ alone, characters, onProgress, options }: WaitingCall): boolean {
  return !alone && characters <= mostCharacters && onProgress === undefined && options.truncate !== "error";
}

/** Calls with the same key ask for the same: the options are always made in one order. */
function keyOf({ options }: WaitingCall): string {
  return JSON.stringify(options);
}

/** Gives every call its own rows, as copies: a caller may keep or transfer what it gets. */
function deliver(group: readonly WaitingCall[], embeddings: EngineEmbeddings): void {
  const { data, tokens, truncated, dimensions } = embeddings;
  const width = data.length / tokens.length;
  let start = 0;
  for (const { texts, cancellation, resolve, reject } of group) {
    const end = start + texts.length;
    const from = start;
    start = end;
    if (cancellation.error !== undefined) {
      reject(cancellation.error);
      continue;
    }
    resolve({
      data: data.slice(from * width, end * width),
      tokens: tokens.slice(from, end),
      truncated: truncated.filter((index) => index >= from && index < end).map((index) => index - from),
      dimensions,
    });
  }
}
