import {
  unwrap,
  type EngineEmbedder,
  type EngineEmbedOptions,
  type EngineError,
  type EngineInfo,
  type EngineJob,
  type EngineStep,
  type EngineTokens,
} from "../engine.js";
import type { FileList } from "./model-source.js";
import type { EngineWorker, Platform } from "./platform.js";
import type { Answer, ModuleLoadOptions, Reply, Request, StepReply } from "./protocol.js";

/** A model in a worker of its own, with the shape of the addon's embedder. */
export class RemoteEmbedder implements EngineEmbedder {
  info!: EngineInfo;
  readonly #worker: EngineWorker;
  readonly #waiting = new Map<number, (answer: Answer | EngineError) => void>();
  #lastId = 0;
  /** Why there is no engine any more. */
  #ended: EngineError | undefined;

  private constructor(platform: Platform) {
    this.#worker = platform.startWorker({
      reply: (reply) => {
        this.#reply(reply);
      },
      failure: (reason) => {
        this.#end({ code: "INTERNAL", message: `the engine's worker failed: ${reason}` });
      },
    });
    this.#worker.keepAlive(false);
  }

  /** Starts a worker and loads a model there; the buffers of `files` go with it. */
  static async load(
    platform: Platform,
    files: FileList,
    options: ModuleLoadOptions,
    signal: AbortSignal | undefined,
  ): Promise<RemoteEmbedder> {
    const embedder = new RemoteEmbedder(platform);
    const abort = (): void => {
      embedder.#end({ code: "ABORTED", message: "the operation was aborted" });
    };
    signal?.addEventListener("abort", abort);
    try {
      const buffers = files.map(([name, bytes]) => [name, wholeBuffer(bytes)] as const);
      const request = (id: number): Request => ({ method: "load", id, files: buffers, options });
      const transfer = buffers.map(([, buffer]) => buffer);
      embedder.info = unwrap(await embedder.#ask<EngineInfo>(request, transfer));
      return embedder;
    } catch (error) {
      embedder.dispose();
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  startJob(options: EngineEmbedOptions): EngineJob {
    const job = ++this.#lastId;
    this.#post({ method: "start", job, options });
    return {
      push: (texts) => {
        this.#post({ method: "push", job, texts });
      },
      step: async (budgetMs) => {
        const step = await this.#ask<StepReply>((id) => ({ method: "step", id, job, budgetMs }));
        return "code" in step ? step : readStep(step);
      },
      close: () => {
        this.#post({ method: "close", job });
      },
    };
  }

  tokenize(texts: string[], specialTokens: boolean): Promise<EngineTokens | EngineError> {
    return this.#ask<EngineTokens>((id) => ({ method: "tokenize", id, texts, specialTokens }));
  }

  detokenize(ids: Uint32Array, lengths: Uint32Array): Promise<string[] | EngineError> {
    return this.#ask<string[]>((id) => ({ method: "detokenize", id, ids, lengths }));
  }

  dispose(): void {
    this.#end({ code: "DISPOSED", message: "the model was disposed; load it again" });
  }

  #post(request: Request, transfer?: readonly ArrayBuffer[]): void {
    if (this.#ended === undefined) this.#worker.post(request, transfer);
  }

  async #ask<Value extends Answer>(
    request: (id: number) => Request,
    transfer?: readonly ArrayBuffer[],
  ): Promise<Value | EngineError> {
    if (this.#ended !== undefined) return this.#ended;
    const id = ++this.#lastId;
    if (this.#waiting.size === 0) this.#worker.keepAlive(true);
    return new Promise((resolve) => {
      this.#waiting.set(id, (answer) => {
        // The worker answers each request with what it asks for.
        resolve(answer as Value | EngineError);
      });
      this.#post(request(id), transfer);
    });
  }

  #reply(reply: Reply): void {
    if ("ended" in reply) {
      this.#end(reply.ended);
      return;
    }
    const resolve = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#worker.keepAlive(false);
    resolve?.(reply.value);
  }

  /** The first reason counts; the worker's memory goes with it. */
  #end(error: EngineError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#worker.terminate();
    for (const resolve of this.#waiting.values()) resolve(error);
    this.#waiting.clear();
  }
}

/** The buffer of an array that is all of it. */
function wholeBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteLength } = bytes;
  return (buffer.byteLength === byteLength ? buffer : bytes.slice().buffer) as ArrayBuffer;
}

const arrays = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array };

function readStep({ result, ...step }: StepReply): EngineStep {
  if (result === undefined) return step;
  const { type, data, tokens, truncated, dimensions } = result;
  return {
    ...step,
    result: {
      data: new arrays[type](data),
      tokens: new Uint32Array(tokens),
      truncated: new Uint32Array(truncated),
      dimensions,
    },
  };
}
