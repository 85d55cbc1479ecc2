import { cpSync, readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { getTestWeights } from "../../scripts/get-test-weights.mjs";
import { editJson, editTensors } from "../native/support.js";
import { root, runCli, temporaryFolder, tinyModel } from "./support.js";

interface Report {
  modelId: string;
  passed: boolean;
  checks: {
    check: string;
    status: string;
    what: string;
    figures: { name: string; value: number; most?: number; least?: number }[];
  }[];
}

async function verify(...args: string[]): Promise<{ code: number | null; stderr: string; report: Report }> {
  const { code, stderr, stdout } = await runCli(["verify", "--json", ...args]);
  return { code, stderr, report: JSON.parse(stdout) as Report };
}

/** What a check found: its status and its first figure. */
function find(report: Report, name: string): { status: string | undefined; value: number | undefined } {
  const check = report.checks.find(({ check }) => check === name);
  return { status: check?.status, value: check?.figures[0]?.value };
}

const folder = temporaryFolder();
/** A cache without any model, and no network. */
const offline = ["--offline", "--cache-dir", folder];

it("passes a folder, and says in one line a check what was compared, with its limit", async () => {
  const { code, stdout, stderr } = await runCli(["verify", tinyModel]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const lines = stdout.split("\n");
  expect(lines[0]).toMatch(
    /^tiny-bert-mean \([0-9a-f]{12}\): bert, 32 dimensions, 64 tokens, float32 weights$/,
  );
  expect(lines.slice(3, 8)).toEqual([
    expect.stringMatching(/^left out {2}golden +no golden vectors of this model are shipped$/),
    expect.stringMatching(/^passed {4}executors .* largest difference \d\.\de-\d \(at most 5\.0e-6\)$/),
    expect.stringMatching(/^passed {4}int8 .* cosine mean 0\.99\d+ \(at least 0\.998\), cosine least 0\.99/),
    expect.stringMatching(/^passed {4}batches .* vectors that differ 0 \(at most 0\)$/),
    expect.stringMatching(/^passed {4}determinism .* vectors that differ 0 \(at most 0\)$/),
  ]);
  expect(lines.slice(8)).toEqual(["", "4 passed, 0 failed, 1 left out", ""]);
});

it("says of static embeddings that there is one implementation", async () => {
  const { code, report } = await verify("test/fixtures/tiny-model2vec");
  expect(code).toBe(0);
  expect(report.checks.map(({ status }) => status)).toEqual([
    "left out",
    "left out",
    "passed",
    "passed",
    "passed",
  ]);
});

describe("the embedded model without a network", () => {
  it("is held against the golden vectors in int8; what needs the exact weights says how to get them", async () => {
    const { code, stderr, report } = await verify(...offline);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(report).toMatchObject({ modelId: "sentence-transformers/all-MiniLM-L6-v2", passed: true });
    expect(find(report, "golden").status).toBe("left out");
    expect(report.checks[0]?.what).toMatch(/"candle-embed pull sentence-transformers\/all-MiniLM-L6-v2"/);
    expect(find(report, "int8").value).toBeGreaterThan(0.999);
    expect(find(report, "executors").value).toBeLessThan(1e-6);
  });

  it("fails with exit code 1, naming the check, when a file of it was changed", async () => {
    const copy = path.join(folder, "wrong-pooling");
    cpSync(path.join(root, "models/all-MiniLM-L6-v2"), copy, { recursive: true });
    editJson(copy, "1_Pooling/config.json", (config) => ({
      ...config,
      pooling_mode_mean_tokens: false,
      pooling_mode_cls_token: true,
    }));
    const { code, stderr, report } = await verify(copy);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "candle-embed: FAILED: wrong-pooling: out of the limit: int8\n",
    });
    expect(report.passed).toBe(false);
    expect(find(report, "int8")).toMatchObject({ status: "failed" });
    expect(find(report, "batches").status).toBe("passed");
  });
});

it("refuses what no check can be made of, as any command does", async () => {
  const damaged = path.join(folder, "damaged");
  cpSync(tinyModel, damaged, { recursive: true });
  editTensors(damaged, (header) => {
    delete header["embeddings.word_embeddings.weight"];
  });
  expect(await runCli(["verify", damaged])).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^candle-embed: MODEL_INVALID: /) as string,
  });
});

describe("golden vectors", async () => {
  const weights = await getTestWeights();

  it("belong to the texts that are built in", () => {
    const read = (name: string) => readFileSync(path.join(root, "src/evaluation", name));
    const golden = JSON.parse(read("golden/all-minilm-l6-v2.json").toString()) as { textsSha256: string };
    expect(golden.textsSha256).toBe(createHash("sha256").update(read("texts.json")).digest("hex"));
  });

  it.skipIf(weights.path === undefined)(
    `are met by the float32 weights${weights.reason === undefined ? "" : ` (skipped: ${weights.reason})`}`,
    async () => {
      const { code, report } = await verify(weights.path ?? "");
      expect(code).toBe(0);
      expect(report.checks.map(({ status }) => status)).toEqual(Array(5).fill("passed"));
      expect(find(report, "golden").value).toBeLessThan(2e-6);
    },
    // Without vector instructions float32 is slow.
    300_000,
  );
});
