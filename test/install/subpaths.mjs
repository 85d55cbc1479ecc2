// Each entry of the package beside the main one, used by a program of a few lines, as every consumer writes it.
import { readFileSync } from "node:fs";
import path from "node:path";

import { root } from "../../scripts/release/packages.mjs";
import { cell } from "./cells.mjs";
import { run } from "./process.mjs";
import { toCommonJs } from "./programs.mjs";
import { clean, makeProject, npmInstall, write } from "./project.mjs";
import { compile, resolutions } from "./typescript.mjs";

/** Programs and what each prints; `peers`: what a user of the entry has installed. */
const uses = {
  langchain: {
    program: `import { CandleEmbeddings } from "candle-embed/langchain";
console.log((await new CandleEmbeddings().embedQuery("a text")).length);`,
    prints: "384",
  },
  "ai-sdk": {
    program: `import { embeddingModel } from "candle-embed/ai-sdk";
console.log((await embeddingModel().doEmbed({ values: ["a text"] })).embeddings[0]?.length);`,
    prints: "384",
  },
  llamaindex: {
    program: `import { CandleEmbedding } from "candle-embed/llamaindex";
console.log((await new CandleEmbedding().getTextEmbedding("a text")).length);`,
    prints: "384",
  },
  chroma: {
    program: `import { CandleEmbeddingFunction } from "candle-embed/chroma";
console.log((await new CandleEmbeddingFunction().generate(["a text"]))[0]?.length);`,
    prints: "384",
    peers: ["chromadb"],
  },
  lancedb: {
    program: `import { CandleEmbeddingFunction } from "candle-embed/lancedb";
const embed = await CandleEmbeddingFunction.create();
console.log((await embed.computeQueryEmbeddings("a text")).length);`,
    prints: "384",
    peers: ["@lancedb/lancedb", "apache-arrow"],
  },
  orama: {
    program: `import { pluginCandleEmbed } from "candle-embed/orama";
const documents = await pluginCandleEmbed({ text: ["title"] }).embed([{ title: "a text" }]);
console.log(Object.keys(documents[0] ?? {}).join());`,
    prints: "title,embedding",
  },
  transformers: {
    program: `import { pipeline } from "candle-embed/transformers";
const extractor = await pipeline("feature-extraction", "Xenova/all-MiniLM-L6-v2", { dtype: "q8" });
console.log((await extractor(["a text"], { pooling: "mean", normalize: true })).dims.join());`,
    prints: "1,384",
  },
  openai: {
    program: `import { openaiFetch } from "candle-embed/openai";
const body = JSON.stringify({ model: "all-MiniLM-L6-v2", input: "a text" });
const headers = { "content-type": "application/json" };
const answer = await openaiFetch()("http://localhost/v1/embeddings", { method: "POST", headers, body });
console.log((await answer.json()).data[0].embedding.length);`,
    prints: "384",
  },
  "vector-stores": {
    program: `import { toPgVector } from "candle-embed/vector-stores";
console.log(toPgVector(Float32Array.of(1, 2)));`,
    prints: "[1,2]",
  },
  server: {
    program: `import { NativeBackend } from "candle-embed";
import { createServer } from "candle-embed/server";
const server = await createServer({ models: { small: await NativeBackend.load() } });
console.log((await server.fetch("http://localhost/ready")).status);
await server.close();`,
    prints: "200",
  },
  chunking: {
    program: `import { NativeBackend } from "candle-embed";
import { chunkText } from "candle-embed/chunking";
const chunks: string[] = [];
for await (const { text } of chunkText(await NativeBackend.load(), "One. Two.", { tokens: 4 })) chunks.push(text);
console.log(chunks.join("|"));`,
    prints: "One.|Two.",
  },
  evaluation: {
    program: `import { pearson } from "candle-embed/evaluation";
console.log(pearson([1, 2, 3], [2, 4, 6]).toFixed(3));`,
    prints: "1.000",
  },
};

/** TypeScript's share of a program taken away. */
const toJavaScript = (program) => program.replaceAll(": string[]", "");

/** @param {import("./project.mjs").Context} context */
export async function subpathsSection(context) {
  const project = makeProject(context, "subpaths", { type: "module" });
  const peers = Object.values(uses).flatMap((use) => use.peers ?? []);
  const { exports, devDependencies } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  await npmInstall(context, project, [
    "candle-embed",
    ...peers.map((name) => `${name}@${devDependencies[name]}`),
  ]);

  const rows = [];
  for (const entry of Object.keys(exports).filter((each) => /^\.\/[\w-]+$/.test(each))) {
    const name = entry.slice(2);
    const use = uses[name];
    const task = (make) =>
      cell(async () => {
        if (use === undefined) throw new Error("no program in test/install/subpaths.mjs");
        const file = await make(`${use.program}\n`);
        const printed = (await run(process.execPath, [file], { cwd: project, env: clean })).trim();
        if (printed !== use.prints) throw new Error(`it printed: ${printed}`);
      });
    const written = (extension, change) =>
      task((program) => {
        const file = `${name}.${extension}`;
        write(project, file, change(toJavaScript(program)));
        return file;
      });
    const cells = [await written("mjs", (program) => program), await written("cjs", toCommonJs)];
    for (const kind of Object.keys(resolutions)) {
      const skipLibCheck = use?.peers !== undefined;
      cells.push(await task((program) => compile(context, project, kind, program, { skipLibCheck })));
    }
    rows.push({ name: `\`candle-embed/${name}\``, cells });
  }
  const note = `Installed by npm, run in Node ${process.versions.node}; with the libraries that an entry imports (${peers.join(", ")}).`;
  return { title: "Entries", note, columns: ["ESM", "CommonJS", ...Object.values(resolutions)], rows };
}
