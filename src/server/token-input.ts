import type { EmbeddingBackend } from "../embedding-backend.js";
import type { NativeBackend } from "../backends/native-backend.js";
import { CandleEmbedError } from "../errors.js";
import { loadCl100k, type Cl100k } from "./cl100k.js";
import { badRequest } from "./http-error.js";
import type { TokenIds } from "./server-options.js";

type IdLists = readonly (readonly number[])[];

/** What a backend needs to read tokens of its own. */
export type Tokenizer = Pick<NativeBackend, "tokenize" | "detokenize">;

/** The backend's tokenizer, where it has one. */
export function tokenizerOf(backend: EmbeddingBackend): Tokenizer | undefined {
  const { tokenize, detokenize } = backend as Partial<Tokenizer>;
  const has = typeof tokenize === "function" && typeof detokenize === "function";
  return has ? (backend as unknown as Tokenizer) : undefined;
}

/**
 * The texts that arrays of tokens spell. The numbers alone do not say whose tokens they are: small ones exist in every
 * vocabulary. So `auto` looks for the tokenizer that turns its own reading back into the same numbers, and takes it if it is
 * the only one; a guess would give vectors of other texts.
 *
 * @throws HttpError 400, with the setting to change.
 */
export async function textsOfTokens(
  lists: IdLists,
  backend: EmbeddingBackend,
  mode: TokenIds,
): Promise<readonly string[]> {
  switch (mode) {
    case "reject":
      throw refused("this server takes texts, not tokens");
    case "model":
      return readAsModels(lists, backend);
    case "cl100k":
      return readAsCl100k(lists, loadCl100k() ?? missing());
    case "auto":
      return readAsWhatFits(lists, backend);
  }
}

async function readAsModels(lists: IdLists, backend: EmbeddingBackend): Promise<readonly string[]> {
  const tokenizer = tokenizerOf(backend);
  if (tokenizer === undefined) throw refused("the tokenizer of this model is not in this process");
  try {
    return await tokenizer.detokenize(lists);
  } catch (error) {
    if (CandleEmbedError.isInstance(error) && error.code === "INVALID_INPUT") throw refused(error.message);
    throw error;
  }
}

function readAsCl100k(lists: IdLists, cl100k: Cl100k): readonly string[] {
  return lists.map((ids, index) => {
    const text = cl100k.decode(ids);
    if (text === undefined) throw refused(`input ${String(index)} has tokens that cl100k_base does not have`);
    return text;
  });
}

async function readAsWhatFits(lists: IdLists, backend: EmbeddingBackend): Promise<readonly string[]> {
  const cl100k = loadCl100k() ?? missing();
  const asCl100k = lists.map((ids) => cl100k.decode(ids));
  const isCl100k = lists.every((ids, index) => equal(ids, cl100k.encode(asCl100k[index] ?? "")));
  const asModels = await roundTrip(lists, backend);
  if (isCl100k && asModels === undefined) return asCl100k as readonly string[];
  if (!isCl100k && asModels !== undefined) return asModels;
  throw refused(
    isCl100k
      ? "these tokens could be the model's own or OpenAI's cl100k_base"
      : "these tokens are neither the model's own nor OpenAI's cl100k_base",
  );
}

/** The texts, if the model's tokenizer makes the same tokens of them. */
async function roundTrip(lists: IdLists, backend: EmbeddingBackend): Promise<readonly string[] | undefined> {
  const tokenizer = tokenizerOf(backend);
  if (tokenizer === undefined) return undefined;
  const texts = await readAsModels(lists, backend).catch(() => undefined);
  if (texts === undefined) return undefined;
  const plain = await tokenizer.tokenize(texts, { specialTokens: false });
  const whole = await tokenizer.tokenize(texts);
  const fits = lists.every(
    (ids, index) => equal(ids, plain[index]?.ids ?? []) || equal(ids, whole[index]?.ids ?? []),
  );
  return fits ? texts : undefined;
}

function equal(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

function missing(): never {
  throw refused("to read tokens the server needs the package gpt-tokenizer (npm install gpt-tokenizer)");
}

/** With all the ways out: whoever reads this is a client's user or the server's owner. */
function refused(why: string): Error {
  return badRequest(
    `${why}. Send texts (LangChain for Python: check_embedding_ctx_length=False), or start the server with ` +
      "--token-ids cl100k (what LangChain for Python sends) or --token-ids model (the model's own)",
    "input",
    "token_ids_refused",
  );
}
