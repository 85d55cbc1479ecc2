import type { EngineError, EngineInfo, EngineTokens } from "../engine.js";
import type * as Module from "./engine/candle_embed_wasm.js";
import type { Reply, Request, StepReply } from "./protocol.js";

/** Answers requests with the module; lives in the worker. */
export class EngineServer {
  readonly #module: typeof Module;
  readonly #jobs = new Map<number, Module.ModuleJob | EngineError>();
  #embedder: Module.ModuleEmbedder | undefined;

  constructor(module: typeof Module) {
    this.#module = module;
  }

  /** Works off one request. */
  handle(request: Request): Reply | undefined {
    try {
      switch (request.method) {
        case "load":
          return { id: request.id, value: this.#try(() => this.#load(request)) };
        case "start":
          this.#jobs.set(
            request.job,
            this.#try(() => this.#model.startJob(JSON.stringify(request.options))),
          );
          return undefined;
        case "push":
          this.#job(request.job)?.push(request.texts as string[]);
          return undefined;
        case "step":
          return { id: request.id, value: this.#try(() => this.#step(request.job, request.budgetMs)) };
        case "close":
          this.#job(request.job)?.free();
          this.#jobs.delete(request.job);
          return undefined;
        case "tokenize":
          return { id: request.id, value: this.#try(() => this.#tokenize(request)) };
        case "detokenize": {
          const { id, ids, lengths } = request;
          return { id, value: this.#try(() => this.#model.detokenize(ids, lengths)) };
        }
      }
    } catch (error) {
      return { ended: this.#ended(error) };
    }
  }

  get #model(): Module.ModuleEmbedder {
    if (this.#embedder === undefined) throw new Error("no model is loaded");
    return this.#embedder;
  }

  #job(id: number): Module.ModuleJob | undefined {
    const job = this.#jobs.get(id);
    return job === undefined || "code" in job ? undefined : job;
  }

  #load({ files, options }: Request & { method: "load" }): EngineInfo {
    const moduleFiles = new this.#module.ModuleFiles();
    for (const [name, bytes] of files) moduleFiles.insert(name, new Uint8Array(bytes));
    this.#embedder = this.#module.ModuleEmbedder.load(moduleFiles, JSON.stringify(options));
    return JSON.parse(this.#embedder.info as string) as EngineInfo;
  }

  #step(id: number, budgetMs: number): StepReply | EngineError {
    const job = this.#jobs.get(id);
    if (job === undefined) throw new Error("a step of a closed job");
    if ("code" in job) return job;
    const step = job.step(budgetMs);
    const { texts, tokens, totalTexts } = step;
    const embeddings = step.takeResult();
    step.free();
    if (embeddings === undefined) return { texts, tokens, totalTexts };
    const data = embeddings.data as Float32Array | Int8Array | Uint8Array;
    const type = data instanceof Float32Array ? "float32" : data instanceof Int8Array ? "int8" : "uint8";
    const result = {
      type,
      data: data.buffer as ArrayBuffer,
      tokens: embeddings.tokens.buffer as ArrayBuffer,
      truncated: embeddings.truncated.buffer as ArrayBuffer,
      dimensions: embeddings.dimensions,
    } as const;
    embeddings.free();
    return { texts, tokens, totalTexts, result };
  }

  #tokenize({ texts, specialTokens }: Request & { method: "tokenize" }): EngineTokens {
    const tokens = this.#model.tokenize(texts as string[], specialTokens);
    const { ids, offsets, lengths } = tokens;
    tokens.free();
    return { ids, offsets, lengths };
  }

  /** An error of the engine as data: it is thrown as a string of JSON. A trap goes on. */
  #try<Value>(work: () => Value): Value | EngineError {
    try {
      return work();
    } catch (error) {
      if (typeof error === "string") return JSON.parse(error) as EngineError;
      throw error;
    }
  }

  #ended(error: unknown): EngineError {
    const panic = this.#module.lastPanic();
    const reason = panic === undefined ? String(error) : `panic: ${panic}`;
    return {
      code: "INTERNAL",
      message: `the WebAssembly module has ended (${reason}); it may have run out of memory. Load the model again`,
    };
  }
}

/** The buffers of a reply that can be handed over instead of copied. */
export function transferables(reply: Reply): ArrayBuffer[] {
  if (!("value" in reply) || !("result" in reply.value) || reply.value.result === undefined) return [];
  const { data, tokens, truncated } = reply.value.result;
  return [data, tokens, truncated];
}
