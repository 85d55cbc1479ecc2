import path from "node:path";

import type { EmbeddingBackend } from "candle-embed";

import { fixtures, loadForTests } from "../native/support.js";

export {
  finished,
  loadForTests,
  root,
  startNode,
  temporaryFolder,
  tinyModel,
  type Finished,
} from "../native/support.js";

/** A tiny model that has another prompt for queries than for documents. */
export const promptedModel = path.join(fixtures, "tiny-bert-cls");

export const texts = ["a river of stones", "the second text", "naïve café, 日本語, 🦜", ""];

/** The tiny model, and what an adapter over it has to give, by {@link NativeBackend} itself. */
export async function loadPrompted() {
  const backend = await loadForTests(promptedModel);
  const documents = (await backend.embedDocuments(texts)).toArrays();
  const query = Array.from(await backend.embedQuery(texts[0] as string));
  return { backend, documents, query };
}

/** The backend, noting the options of its calls. */
export function noting(backend: EmbeddingBackend) {
  const calls: { texts: number; options: Record<string, unknown> | undefined }[] = [];
  const noted = new Proxy(backend, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (given: string | readonly string[], options?: Record<string, unknown>): unknown => {
        calls.push({ texts: typeof given === "string" ? 1 : given.length, options });
        return Reflect.apply(value, target, [given, options]) as unknown;
      };
    },
  });
  return { backend: noted, calls };
}
