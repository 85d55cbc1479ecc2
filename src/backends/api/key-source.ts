import { CandleEmbedError } from "../../errors.js";
import { isKey, keyForm, type ApiOptions } from "./api-options.js";
import { runKeyCommand } from "./key-command.js";

/** Where the key of a request comes from. */
export interface KeySource {
  /** The key for the next request; `undefined` for requests without one. */
  get(): Promise<string | undefined>;
  /** Another key, after the API refused this one; `undefined` when there is none. */
  renew(refused: string | undefined): Promise<string | undefined>;
}

export function keySource({ apiKey, apiKeyCommand }: ApiOptions): KeySource {
  if (apiKeyCommand !== undefined) return new CommandKey(apiKeyCommand);
  if (typeof apiKey === "function") return new FunctionKey(apiKey);
  return { get: () => Promise.resolve(apiKey), renew: () => Promise.resolve(undefined) };
}

class FunctionKey implements KeySource {
  readonly #give: () => string | Promise<string>;

  constructor(give: () => string | Promise<string>) {
    this.#give = give;
  }

  async get(): Promise<string> {
    let key: unknown;
    try {
      key = await this.#give();
    } catch (cause) {
      throw new CandleEmbedError("API_KEY_COMMAND_FAILED", "the function apiKey failed", { cause });
    }
    if (isKey(key)) return key;
    throw new CandleEmbedError("API_KEY_COMMAND_FAILED", `the function apiKey must give ${keyForm}`);
  }

  async renew(refused: string | undefined): Promise<string | undefined> {
    const key = await this.get();
    return key === refused ? undefined : key;
  }
}

/** Runs the command when a key is first needed and when the API refuses it; calls that come meanwhile share the run. */
class CommandKey implements KeySource {
  readonly #command: readonly string[];
  #key: Promise<string> | undefined;

  constructor(command: readonly string[]) {
    this.#command = [...command];
  }

  get(): Promise<string> {
    if (this.#key === undefined) {
      const run = runKeyCommand(this.#command);
      this.#key = run;
      // What failed is tried again by the next call.
      run.catch(() => {
        if (this.#key === run) this.#key = undefined;
      });
    }
    return this.#key;
  }

  async renew(refused: string | undefined): Promise<string | undefined> {
    const known = this.#key;
    const key = await this.get();
    // Somebody else who was refused may have run the command already.
    if (key !== refused) return key;
    if (this.#key === known) this.#key = undefined;
    const next = await this.get();
    return next === refused ? undefined : next;
  }
}
