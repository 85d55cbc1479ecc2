import { CandleEmbedError } from "../errors.js";
import { anyVersion, fetchBytes, isStored, request } from "./fetch-bytes.js";
import type { ModelRead, ModelSource, ReadOptions } from "./model-source.js";
import { readJson, readNeeded, type RemoteFiles } from "./read-needed.js";

/** A model folder on a web server, kept in the browser as long as the server names the same version (ETag). */
export class UrlSource implements ModelSource {
  readonly modelId: string;
  readonly #base: string;

  constructor(base: URL) {
    this.#base = base.href.replace(/[?#].*$/, "").replace(/\/?$/, "/");
    this.modelId = decodeURIComponent(this.#base.split("/").at(-2) ?? "");
  }

  async read(options: ReadOptions): Promise<ModelRead> {
    return { files: await readNeeded(new UrlFiles(this.#base, options), options) };
  }
}

/** What a server says of a file. */
interface Head {
  readonly size: number;
  readonly validator: string | undefined;
}

/** What the modules after the network have, by the names that sentence-transformers gives their folders. */
const moduleFiles: Readonly<Record<string, RegExp>> = {
  Pooling: /^config\.json$/,
  Dense: /^(?:config\.json|model\.safetensors(?:\.index\.json)?)$/,
  Normalize: /^$/,
};

/** Whether a file may be there. Every name that is asked for in vain is an error in a browser's console. */
function isLikely(name: string): boolean {
  const [, kind = "", file = ""] = /(?:^|\/)\d+_([A-Za-z]+)\/(.*)$/.exec(name) ?? [];
  // The special tokens are for Python.
  return (moduleFiles[kind]?.test(file) ?? true) && !name.endsWith("special_tokens_map.json");
}

class UrlFiles implements RemoteFiles {
  readonly repository: string;
  readonly #base: string;
  readonly #options: ReadOptions;
  readonly #heads = new Map<string, Promise<Head | undefined>>();
  readonly #bodies = new Map<string, Promise<Uint8Array>>();

  constructor(base: string, options: ReadOptions) {
    this.repository = base;
    this.#base = base;
    this.#options = options;
  }

  async has(name: string): Promise<boolean> {
    if (!isLikely(name)) return false;
    const [, folder, own] = /^(.*\/)?sentence_([\w-]+)_config\.json$/.exec(name) ?? [];
    // The engine reads one of seven, this one first.
    if (own !== undefined && own !== "bert" && (await this.has(`${folder ?? ""}sentence_bert_config.json`))) {
      return false;
    }
    return (await this.#head(name)) !== undefined;
  }

  async size(name: string): Promise<number> {
    return (await this.#head(name))?.size ?? 0;
  }

  readJson(name: string): Promise<unknown> {
    return readJson(this, name);
  }

  async fetch(name: string, onBytes?: (bytes: number, received: number) => void): Promise<Uint8Array> {
    const { signal } = this.#options;
    const validator = (await this.#head(name))?.validator;
    const known = this.#bodies.get(name);
    if (known !== undefined) return known;
    const body = fetchBytes(this.#base + name, { signal, validator, ...(onBytes && { onBytes }) });
    if (name.endsWith("modules.json")) this.#bodies.set(name, body);
    return body;
  }

  #head(name: string): Promise<Head | undefined> {
    const known = this.#heads.get(name);
    if (known !== undefined) return known;
    const head = this.#ask(name);
    this.#heads.set(name, head);
    return head;
  }

  async #ask(name: string): Promise<Head | undefined> {
    const url = this.#base + name;
    let response: Response;
    try {
      response = await request(url, "HEAD", this.#options);
    } catch (error) {
      if (!CandleEmbedError.isInstance(error) || error.code === "ABORTED") throw error;
      if (error.code === "MODEL_NOT_FOUND") return undefined;
      // Without a network, what is stored is what there is.
      if (await isStored(url)) return { size: 0, validator: anyVersion };
      if (await isStored(`${this.#base}config.json`)) return undefined;
      throw error;
    }
    const { headers } = response;
    // Development servers answer with their start page for what they do not have.
    if (headers.get("content-type")?.startsWith("text/html") === true) return undefined;
    const size = headers.has("content-encoding") ? 0 : Number(headers.get("content-length"));
    return { size, validator: headers.get("etag") ?? headers.get("last-modified") ?? undefined };
  }
}
