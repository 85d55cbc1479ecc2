import { createHash } from "node:crypto";

import type { Tokenizer } from "../chunking/tokenizer.js";
import type { EmbeddingBackend } from "../embedding-backend.js";
import type { IndexContents, IndexedPassage, PassageIndex } from "./passage-index.js";
import { passageInput, toPassages, type NamedDocument, type Passage } from "./passage.js";

/** What an update did; documents and passages are counted. */
export interface UpdateReport {
  added: number;
  changed: number;
  unchanged: number;
  removed: number;
  /** Passages that were embedded. */
  embedded: number;
  /** Passages whose text was in the index already, in this document or another. */
  reused: number;
}

interface UpdateOptions {
  readonly backend: EmbeddingBackend;
  readonly tokenizer: Tokenizer;
  readonly signal: AbortSignal;
  /** Whether a document that was not among `documents` has left the sources. */
  readonly isGone: (name: string) => boolean;
  readonly onProgress?: ((report: Readonly<UpdateReport>) => void) | undefined;
}

/** So many passages go into the index at once, with whole documents: what is in it is never half a document. */
const passagesAtOnce = 1_024;

/** Brings an index up to date with documents. Only passages whose text is new are embedded. */
export async function updateIndex(
  index: PassageIndex,
  documents: AsyncIterable<NamedDocument>,
  { backend, tokenizer, signal, isGone, onProgress }: UpdateOptions,
): Promise<UpdateReport> {
  const report: UpdateReport = { added: 0, changed: 0, unchanged: 0, removed: 0, embedded: 0, reused: 0 };
  const contents = await index.contents();
  const writer = new PassageWriter(index, backend, contents, report, { signal, onProgress });
  const seen = new Set<string>();
  for await (const document of documents) {
    // A file that several of the paths lead to.
    if (seen.has(document.name)) continue;
    seen.add(document.name);
    const hash = hashOf(`${document.format}\n${document.text}`);
    const versions = contents.documents.get(document.name);
    if (versions?.has(hash) === true) {
      // Another version beside it is what an interrupted update left.
      if (versions.size > 1) await index.remove([document.name], hash);
      report.unchanged++;
    } else {
      const passages: Passage[] = [];
      const { tokens } = index.description;
      for await (const passage of toPassages(document, tokenizer, tokens, signal)) passages.push(passage);
      if (versions !== undefined) report.changed++;
      // A document without a passage leaves nothing in the index to know it by.
      else if (passages.length === 0) report.unchanged++;
      else report.added++;
      await writer.put({ name: document.name, hash, passages, isNew: versions === undefined });
    }
    onProgress?.(report);
  }
  await writer.flush();
  const gone = [...contents.documents.keys()].filter((name) => !seen.has(name) && isGone(name));
  await index.remove(gone);
  report.removed = gone.length;
  await index.compact();
  return report;
}

interface PendingDocument {
  readonly name: string;
  readonly hash: string;
  readonly passages: readonly Passage[];
  readonly isNew: boolean;
}

/** Gathers documents, embeds their passages together and puts them into the index. */
class PassageWriter {
  readonly #index: PassageIndex;
  readonly #backend: EmbeddingBackend;
  readonly #known: Set<string>;
  readonly #report: UpdateReport;
  readonly #options: Pick<UpdateOptions, "signal" | "onProgress">;
  #pending: PendingDocument[] = [];
  #passages = 0;

  constructor(
    index: PassageIndex,
    backend: EmbeddingBackend,
    { keys }: IndexContents,
    report: UpdateReport,
    options: Pick<UpdateOptions, "signal" | "onProgress">,
  ) {
    this.#index = index;
    this.#backend = backend;
    this.#known = new Set(keys);
    this.#report = report;
    this.#options = options;
  }

  async put(document: PendingDocument): Promise<void> {
    this.#pending.push(document);
    this.#passages += document.passages.length;
    if (this.#passages >= passagesAtOnce) await this.flush();
  }

  async flush(): Promise<void> {
    const documents = this.#pending;
    this.#pending = [];
    this.#passages = 0;
    const inputs = new Map(
      documents.flatMap(({ passages }) => passages.map(passageInput)).map((input) => [hashOf(input), input]),
    );
    const vectors = await this.#index.vectors([...inputs.keys()].filter((key) => this.#known.has(key)));
    const missing = [...inputs].filter(([key]) => !vectors.has(key));
    const { signal, onProgress } = this.#options;
    const before = this.#report.embedded;
    const embeddings = await this.#backend.embedDocuments(
      missing.map(([, input]) => input),
      {
        signal,
        onProgress: ({ texts }) => {
          this.#report.embedded = before + texts;
          onProgress?.(this.#report);
        },
      },
    );
    for (const [row, [key]] of missing.entries()) {
      vectors.set(key, embeddings.at(row));
      this.#known.add(key);
    }
    const rows = documents.flatMap(({ hash, passages }) =>
      passages.map((passage): IndexedPassage => {
        const key = hashOf(passageInput(passage));
        return { ...passage, document: hash, key, vector: vectors.get(key) as Float32Array };
      }),
    );
    this.#report.embedded = before + missing.length;
    this.#report.reused += rows.length - missing.length;
    // First the new ones: a search in between finds a document twice rather than not at all.
    await this.#index.add(rows);
    for (const { name, hash, isNew } of documents) if (!isNew) await this.#index.remove([name], hash);
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
