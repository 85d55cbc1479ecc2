import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { noChroma, startChroma } from "./chroma-server.js";
import { finished, root, startNode } from "./support.js";

const page = readFileSync(path.join(root, "docs/integrations.md"), "utf8");
const answer = "Shipping takes three days.\n";

/** What the program under each heading prints. */
const printed: Readonly<Record<string, string>> = {
  "LangChain.js": answer,
  "AI SDK": answer,
  "LlamaIndex.TS": answer,
  Chroma: answer,
  LanceDB: answer,
  Orama: answer,
  "From transformers.js": "[ 2, 384 ] 384\n",
  "OpenAI's client": "384\n",
  pgvector: answer,
  Qdrant: "2 384\n",
};

const programs = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const program = /```ts\n(.*?)```/s.exec(section)?.[1];
      return program === undefined ? [] : [[section.slice(0, section.indexOf("\n")), program] as const];
    }),
);

describe("the programs of docs/integrations.md run as they stand", () => {
  it("each has an expected answer", () => {
    expect([...programs.keys()]).toEqual(Object.keys(printed));
  });

  it.each(Object.entries(printed).filter(([name]) => name !== "Chroma"))("%s", async (name, stdout) => {
    const program = programs.get(name) as string;
    expect(await finished(startNode(program))).toMatchObject({ code: 0, stdout, stderr: "" });
  });

  it.skipIf(noChroma !== undefined)(`Chroma, but for the port ${noChroma ?? ""}`, async () => {
    const { port } = await startChroma();
    const program = (programs.get("Chroma") as string).replace(
      "new ChromaClient()",
      `new ChromaClient({ port: ${String(port)} })`,
    );
    expect(await finished(startNode(program))).toMatchObject({
      code: 0,
      stdout: printed["Chroma"],
      stderr: "",
    });
  });
});
