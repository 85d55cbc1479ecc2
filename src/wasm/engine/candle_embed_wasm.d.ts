/* tslint:disable */
/* eslint-disable */

/**
 * A loaded model.
 */
export class ModuleEmbedder {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The texts that ids spell; `lengths` says how many belong to each.
     */
    detokenize(ids: Uint32Array | number[], lengths: Uint32Array | number[]): string[];
    /**
     * Loads the model whose folder has these files.
     */
    static load(files: ModuleFiles, options: string): ModuleEmbedder;
    /**
     * Checks the options of a call and starts it.
     */
    startJob(options: string): ModuleJob;
    /**
     * All tokens of each text; `special_tokens` adds those around every text.
     */
    tokenize(texts: string[], special_tokens: boolean): ModuleTokens;
    /**
     * What the model is, as JSON.
     */
    readonly info: any;
}

/**
 * The vectors of a call.
 */
export class ModuleEmbeddings {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * All vectors, copied out of the module's memory.
     */
    readonly data: object;
    /**
     * Components of each vector, before bits are packed.
     */
    readonly dimensions: number;
    /**
     * Tokens used of each text.
     */
    readonly tokens: Uint32Array;
    /**
     * Indices of the texts that lost tokens.
     */
    readonly truncated: Uint32Array;
}

/**
 * The files of a model, by their paths in its folder.
 */
export class ModuleFiles {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Copies a file in.
     */
    insert(name: string, bytes: Uint8Array | number[]): void;
    /**
     * No files yet.
     */
    constructor();
}

/**
 * A call in progress.
 */
export class ModuleJob {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Copies texts in, before the first step. Lone surrogates become U+FFFD.
     */
    push(texts: string[]): void;
    /**
     * Works for about `budget_ms`, one batch at least.
     */
    step(budget_ms: number): ModuleStep;
}

/**
 * Where a job stands.
 */
export class ModuleStep {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The answer, on the last step, once.
     */
    takeResult(): ModuleEmbeddings | undefined;
    /**
     * Texts that are finished.
     */
    readonly texts: number;
    /**
     * Their tokens.
     */
    readonly tokens: number;
    /**
     * Texts of the call.
     */
    readonly totalTexts: number;
}

/**
 * Tokens of texts, one after another.
 */
export class ModuleTokens {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Ids of all texts.
     */
    readonly ids: Uint32Array;
    /**
     * Ids of each text.
     */
    readonly lengths: Uint32Array;
    /**
     * Start and end of each id in its text, in UTF-16 code units; a special token is empty.
     */
    readonly offsets: Uint32Array;
}

/**
 * The message of the panic that ended the module, where it was one that did.
 */
export function lastPanic(): string | undefined;

/**
 * Called once, when the module starts.
 */
export function start(): void;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_get_modulestep_texts: (a: number) => number;
    readonly __wbg_get_modulestep_tokens: (a: number) => number;
    readonly __wbg_get_modulestep_totalTexts: (a: number) => number;
    readonly __wbg_moduleembedder_free: (a: number, b: number) => void;
    readonly __wbg_moduleembeddings_free: (a: number, b: number) => void;
    readonly __wbg_modulefiles_free: (a: number, b: number) => void;
    readonly __wbg_modulejob_free: (a: number, b: number) => void;
    readonly __wbg_modulestep_free: (a: number, b: number) => void;
    readonly __wbg_moduletokens_free: (a: number, b: number) => void;
    readonly lastPanic: (a: number) => void;
    readonly moduleembedder_detokenize: (a: number, b: number, c: number, d: number, e: number, f: number) => void;
    readonly moduleembedder_info: (a: number) => any;
    readonly moduleembedder_load: (a: number, b: number, c: number, d: number) => void;
    readonly moduleembedder_startJob: (a: number, b: number, c: number, d: number) => void;
    readonly moduleembedder_tokenize: (a: number, b: number, c: number, d: number, e: number) => void;
    readonly moduleembeddings_data: (a: number) => any;
    readonly moduleembeddings_dimensions: (a: number) => number;
    readonly moduleembeddings_tokens: (a: number) => any;
    readonly moduleembeddings_truncated: (a: number) => any;
    readonly modulefiles_insert: (a: number, b: number, c: number, d: number, e: number) => void;
    readonly modulefiles_new: () => number;
    readonly modulejob_push: (a: number, b: number, c: number) => void;
    readonly modulejob_step: (a: number, b: number, c: number) => void;
    readonly modulestep_takeResult: (a: number) => number;
    readonly moduletokens_ids: (a: number) => any;
    readonly moduletokens_lengths: (a: number) => any;
    readonly moduletokens_offsets: (a: number) => any;
    readonly start: () => void;
    readonly __wbindgen_export: (a: number, b: number) => number;
    readonly __wbindgen_export2: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_export3: (a: number, b: number, c: number) => void;
    readonly __wbindgen_export4: (a: number) => void;
    readonly __wbindgen_export5: () => number;
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __wbindgen_add_to_stack_pointer: (a: number) => number;
    readonly __wbindgen_export6: (a: number) => void;
    readonly __wbindgen_export7: (a: number, b: number) => void;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path?: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
