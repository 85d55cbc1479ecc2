import path from "node:path";
import { afterAll, expect, it } from "vitest";

import { NativeBackend } from "candle-embed";
import { createServer } from "candle-embed/server";
import { temporaryFolder, tinyModel } from "../native/support.js";
import { runExample } from "./support.js";

const program = "agent-memory/memory.mjs";
const env = { MEMORY: path.join(temporaryFolder(), "memory.jsonl") };

const model = await NativeBackend.load();
const server = await createServer({ models: { "all-MiniLM-L6-v2": model } });
const { url } = await server.listen({ port: 0 });
afterAll(async () => {
  await server.close();
  await model.dispose();
});
const withApi = {
  ...env,
  EMBEDDING_PROVIDER: "api-with-local-fallback",
  EMBEDDING_MODEL: "all-MiniLM-L6-v2",
  EMBEDDING_API_BASE_URL: `${url}/v1`,
  EMBEDDING_API_KEY: "unused",
};
const question = "what can Ingrid not eat?";

it("agent-memory finds what it was told: from its own model, from the API, and when that is down", async () => {
  for (const fact of [
    "Ingrid is allergic to cashews.",
    "Emil moves house in May.",
    "The bakery opens at six.",
  ]) {
    expect(await runExample(program, ["remember", fact], env)).toMatchObject({ code: 0 });
  }
  const local = await runExample(program, ["recall", question], env);
  expect(local.stdout).toMatch(/^0\.\d\d Ingrid is allergic to cashews\.\n/);
  expect(local.stderr).toContain("answered by native");

  const remote = await runExample(program, ["recall", question], withApi);
  expect(remote.stdout).toMatch(/^0\.\d\d Ingrid is allergic to cashews\.\n/);
  expect(remote.stderr).toContain("answered by api");

  const down = await runExample(program, ["recall", question], {
    ...withApi,
    EMBEDDING_API_BASE_URL: "http://127.0.0.1:9/v1",
  });
  expect(down.stdout).toBe(local.stdout);
  expect(down.stderr).toContain("answered by native");
});

it("agent-memory refuses the question of another model", async () => {
  const other = await runExample(program, ["recall", question], { ...env, EMBEDDING_MODEL: tinyModel });
  expect(other).toMatchObject({ code: 1, stdout: "" });
  expect(other.stderr).toMatch(/^SPACE_MISMATCH: "Ingrid is allergic to cashews\."/);
});
