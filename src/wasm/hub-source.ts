import { findInCatalog } from "../catalog.js";
import { CandleEmbedError } from "../errors.js";
import { checkInside, isCommit, isRepository } from "../hub/names.js";
import { anyVersion, fetchBytes, forget, isStored, type FetchOptions } from "./fetch-bytes.js";
import type { ModelRead, ModelSource, ReadOptions } from "./model-source.js";
import { readJson, readNeeded, type RemoteFiles } from "./read-needed.js";

/** What a caller may say about the hub. */
export interface HubOptions {
  readonly revision?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly token?: string | undefined;
}

const defaultEndpoint = "https://huggingface.co";

/** A commit never changes, and so neither do its files. */
const immutable = "immutable";

/** A model of the Hugging Face hub, by catalogue name or id. */
export class HubSource implements ModelSource {
  readonly modelId: string;
  readonly weightsSha256: string | undefined;
  readonly matryoshkaDimensions: readonly number[] | undefined;
  readonly #revision: string;
  readonly #endpoint: string;
  readonly #token: string | undefined;

  private constructor(name: string, { revision, endpoint, token }: HubOptions) {
    const entry = findInCatalog(name);
    this.modelId = entry?.modelId ?? name;
    this.#revision = revision ?? entry?.revision ?? "main";
    this.#endpoint = (endpoint ?? defaultEndpoint).replace(/\/+$/, "");
    this.#token = token;
    if (revision === undefined || revision === entry?.revision) {
      this.weightsSha256 = entry?.sha256["model.safetensors"];
    }
    this.matryoshkaDimensions = entry?.matryoshkaDimensions;
  }

  /** The source for a catalogue name or hub id; `undefined` for what is neither. */
  static find(name: string, options: HubOptions): HubSource | undefined {
    if (findInCatalog(name) === undefined && !isRepository(name)) return undefined;
    return new HubSource(name, options);
  }

  async read(options: ReadOptions): Promise<ModelRead> {
    const { signal } = options;
    const ask = { signal, token: this.#token };
    const commit = await this.#commit(ask);
    const api = `${this.#endpoint}/api/models/${this.modelId}/tree/${commit}?recursive=true`;
    const listing = parse(await fetchBytes(api, { ...ask, validator: immutable }), api);
    const sizes = new Map(listFiles(listing, api));
    const base = `${this.#endpoint}/${this.modelId}/resolve/${commit}/`;
    const files: RemoteFiles = {
      repository: this.modelId,
      has: (name) => sizes.has(name),
      size: (name) => Promise.resolve(sizes.get(name) ?? 0),
      readJson: (name) => readJson(files, name),
      fetch: async (name, onBytes) => {
        const url = base + checkInside(name);
        const bytes = await fetchBytes(url, { ...ask, validator: immutable, ...(onBytes && { onBytes }) });
        if (bytes.length === sizes.get(name)) return bytes;
        await forget(url);
        throw new CandleEmbedError(
          "DOWNLOAD_FAILED",
          `${url} gave ${String(bytes.length)} bytes of ${String(sizes.get(name))}; load the model again`,
        );
      },
    };
    return { files: await readNeeded(files, options), revision: commit };
  }

  /** The commit of a branch or tag: the hub's answer, without a network the last one. */
  async #commit(ask: Pick<FetchOptions, "signal" | "token">): Promise<string> {
    if (isCommit(this.#revision)) return this.#revision;
    const url = `${this.#endpoint}/api/models/${this.modelId}/revision/${encodeURIComponent(this.#revision)}`;
    const fresh = fetchBytes(url, { ...ask, validator: new Date().toISOString() });
    const bytes = await fresh.catch(async (error: unknown) => {
      const offline = CandleEmbedError.isInstance(error) && error.code === "DOWNLOAD_FAILED";
      if (offline && (await isStored(url))) return fetchBytes(url, { ...ask, validator: anyVersion });
      throw error;
    });
    const { sha } = (parse(bytes, url) ?? {}) as { sha?: unknown };
    if (typeof sha === "string" && isCommit(sha)) return sha;
    throw noHub(url);
  }
}

function* listFiles(listing: unknown, url: string): Generator<[string, number], void, undefined> {
  if (!Array.isArray(listing)) throw noHub(url);
  for (const { type, path, size, lfs } of listing as Record<string, unknown>[]) {
    const bytes = (lfs as { size?: unknown } | undefined)?.size ?? size;
    if (type === "file" && typeof path === "string" && Number.isSafeInteger(bytes)) {
      yield [path, bytes as number];
    }
  }
}

function parse(bytes: Uint8Array, url: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw noHub(url);
  }
}

function noHub(url: string): CandleEmbedError {
  return new CandleEmbedError("DOWNLOAD_FAILED", `${url} does not answer as a model hub does`);
}
