import { readFileSync } from "node:fs";
import path from "node:path";

import { root } from "../native/support.js";

const page = readFileSync(path.join(root, "docs/integrations.md"), "utf8");
const answer = "Shipping takes three days.\n";

/** What the program under each heading of docs/integrations.md prints. */
export const printed: Readonly<Record<string, string>> = {
  "LangChain.js": answer,
  "AI SDK": answer,
  "LlamaIndex.TS": answer,
  Chroma: answer,
  LanceDB: answer,
  Orama: answer,
  "From transformers.js": "[ 2, 384 ] 768\n",
  "OpenAI's client": "384\n",
  pgvector: answer,
  Qdrant: "2 384\n",
};

/** The programs, by their headings. */
export const programs: ReadonlyMap<string, string> = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const program = /```ts\n(.*?)```/s.exec(section)?.[1];
      return program === undefined ? [] : [[section.slice(0, section.indexOf("\n")), program] as const];
    }),
);
