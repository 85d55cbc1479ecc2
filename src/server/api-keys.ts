import { createHash, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";

import { isKey, keyForm } from "../backends/api/api-options.js";
import { invalid } from "../backends/check-options.js";
import { runKeyCommand } from "../backends/api/key-command.js";
import { CandleEmbedError } from "../errors.js";
import type { ServerOptions } from "./server-options.js";
import { messageOf } from "../utils/message-of.js";

/** The keys of which a request must carry one. Only their hashes are kept. */
export class ApiKeys {
  readonly #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  /** From all places that the options name. */
  static async read({ apiKeys = [], apiKeyFile, apiKeyCommand }: ServerOptions): Promise<ApiKeys> {
    return new ApiKeys([
      ...apiKeys,
      ...(apiKeyFile === undefined ? [] : await readKeyFile(apiKeyFile)),
      ...(apiKeyCommand === undefined ? [] : [await runKeyCommand(apiKeyCommand)]),
    ]);
  }

  /** Whether requests need a key. */
  get needed(): boolean {
    return this.#digests.length > 0;
  }

  /**
   * Whether an `Authorization` header has one of the keys. Hashes have one length and all are compared to their end, so
   * that the time tells nothing about a key.
   */
  accepts(authorization: string | undefined): boolean {
    const key = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
    const given = digest(key ?? "");
    let accepted = 0;
    for (const known of this.#digests) accepted |= Number(timingSafeEqual(given, known));
    return key !== undefined && accepted === 1;
  }
}

function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

async function readKeyFile(file: string): Promise<string[]> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    const reason = messageOf(cause);
    throw new CandleEmbedError("INVALID_INPUT", `the key file ${file} cannot be read: ${reason}`, { cause });
  });
  const keys = text.split(/\r?\n/).filter((line) => line !== "");
  if (keys.length === 0) throw invalid(`the key file ${file} is empty`);
  if (!keys.every(isKey)) throw invalid(`a line of the key file ${file} is not ${keyForm}`);
  return keys;
}
