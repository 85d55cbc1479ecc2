// Libraries whose newest versions want a newer Node than the oldest that is supported here.
import { spawn } from "node:child_process";
import { symlinkSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { getNewestLibraries } from "../../scripts/get-newest-libraries.mjs";
import { makeProject } from "../docs/project.js";
import { printed, programs } from "./integrations-page.js";
import { finished, root, tinyModel, type Finished } from "./support.js";

const found = await getNewestLibraries();

describe.skipIf(found.path === undefined)(`newest libraries in Node 24 ${found.reason ?? ""}`, () => {
  function run(program: string): Promise<Finished> {
    if (found.path === undefined) throw new Error(found.reason);
    const project = makeProject([path.join(found.path, "node_modules")]);
    symlinkSync(
      path.join(root, "node_modules/@candle-embed"),
      path.join(project, "node_modules/@candle-embed"),
    );
    // Links are taken for what they name: candle-embed finds these libraries, and not those of the repository.
    const flags = ["--preserve-symlinks", "--input-type=module", "--eval", program];
    return finished(spawn(found.node, flags, { cwd: project, stdio: ["ignore", "pipe", "pipe"] }));
  }

  it.each(["AI SDK", "LanceDB", "OpenAI's client"])("%s: the program of the page", async (name) => {
    const program = programs.get(name) as string;
    expect(await run(program)).toMatchObject({ code: 0, stdout: printed[name], stderr: "" });
  });

  it("AI SDK: its own specification, without being told which", async () => {
    const program = `
      import { embedMany } from "ai";
      import { embeddingModel } from "candle-embed/ai-sdk";
      const model = embeddingModel();
      const { embeddings, usage } = await embedMany({ model, values: ["a text", "another"] });
      console.log(model.specificationVersion, embeddings.length, embeddings[0].length, usage.tokens > 4);
    `;
    expect(await run(program)).toMatchObject({ code: 0, stdout: "v4 2 384 true\n", stderr: "" });
  });

  it("gpt-tokenizer: the server reads OpenAI's tokens", async () => {
    const program = `
      import OpenAI from "openai";
      import { encode } from "gpt-tokenizer/encoding/cl100k_base";
      import { NativeBackend } from "candle-embed";
      import { createServer } from "candle-embed/server";
      const model = await NativeBackend.load(${JSON.stringify(tinyModel)});
      const server = await createServer({ models: { tiny: model }, tokenIds: "cl100k" });
      const client = new OpenAI({ apiKey: "unused", fetch: server.fetch });
      const ask = async (input) => (await client.embeddings.create({ model: "tiny", input })).data[0].embedding;
      console.log(String(await ask(encode("a river of stones"))) === String(await ask("a river of stones")));
      await server.close();
    `;
    expect(await run(program)).toMatchObject({ code: 0, stdout: "true\n", stderr: "" });
  });
});
