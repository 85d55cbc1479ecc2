import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, it } from "vitest";

import { runShell, root, runCli, temporaryFolder } from "./support.js";

const folder = temporaryFolder();

interface Finding {
  name: string;
  status: "ok" | "note" | "problem";
  text: string;
  advice?: string;
  data: Record<string, unknown>;
}

interface Report {
  problems: number;
  findings: Finding[];
}

async function doctor(
  environment: string,
  ...args: string[]
): Promise<Report & { code: number | null; output: string }> {
  const { code, stdout, stderr } = await runShell(`${environment} cli doctor --json ${args.join(" ")}`);
  return { code, output: stdout + stderr, ...(JSON.parse(stdout) as Report) };
}

function find({ findings }: Report, name: string): Finding {
  const found = findings.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no finding ${name}`);
  return found;
}

/** A cache as a hub's client leaves it: blobs by the hash of their content, and links to them. */
function makeCache(name: string): { cache: string; weights: string } {
  const cache = path.join(folder, name);
  const model = path.join(cache, "models--org--model");
  const content = Buffer.from("weights");
  const hash = createHash("sha256").update(content).digest("hex");
  const snapshot = path.join(model, "snapshots", "a".repeat(40));
  mkdirSync(path.join(model, "blobs"), { recursive: true });
  mkdirSync(path.join(model, "refs"));
  mkdirSync(snapshot, { recursive: true });
  writeFileSync(path.join(model, "refs/main"), "a".repeat(40));
  const weights = path.join(model, "blobs", hash);
  writeFileSync(weights, content);
  symlinkSync(path.relative(snapshot, weights), path.join(snapshot, "model.safetensors"));
  return { cache, weights };
}

it("finds nothing wrong on a machine where all works, and measures it", async () => {
  const { cache } = makeCache("whole");
  const report = await doctor("HF_HUB_OFFLINE= CANDLE_EMBED_THREADS=", `--cache-dir "${cache}"`);
  expect(report.findings.filter(({ status }) => status === "problem")).toEqual([]);
  expect(report).toMatchObject({ code: 0, problems: 0 });
  expect(find(report, "platform").data).toMatchObject({
    platform: process.platform,
    node: process.versions.node,
  });
  expect(find(report, "addon").data["file"]).toMatch(/candle-embed\..*\.node$/);
  expect(find(report, "cpu").text).toMatch(/kernels for (?:avx|neon|scalar)/);
  expect(Number(find(report, "threads").data["threads"])).toBeLessThanOrEqual(availableParallelism());
  expect(find(report, "integrity").text).toBe("org/model: files are whole");
  expect(Number(find(report, "model").data["leastCosine"])).toBeGreaterThan(0.98);
  const { textsPerSecond, shareOfPeak, isBusy } = find(report, "speed").data;
  expect(textsPerSecond).toBeGreaterThan(1);
  // A busy machine is told as one.
  if (shareOfPeak === undefined) expect(isBusy).toBe(true);
  else expect(shareOfPeak).toSatisfy((share: number) => share > 0 && share <= 1);
});

it("says what to do about files that went bad, and about a cache that cannot be written", async () => {
  const { cache, weights } = makeCache("bad");
  writeFileSync(weights, "weighty");
  writeFileSync(`${weights}.0a.incomplete`, "");
  const report = await doctor("", `--cache-dir "${cache}"`);
  expect(report.code).toBe(1);
  expect(find(report, "integrity")).toMatchObject({
    status: "problem",
    advice: "candle-embed pull org/model fetches them again",
  });
  expect(report.output).toContain("FAILED: problems with: integrity");
  const file = path.join(folder, "a file");
  writeFileSync(file, "");
  const nowhere = await doctor("", `--cache-dir "${file}/cache"`);
  expect(find(nowhere, "cache")).toMatchObject({ data: { bytes: 0 } });
});

it("explains the threads", async () => {
  const forced = await doctor("CANDLE_EMBED_THREADS=64");
  expect(find(forced, "threads")).toMatchObject({
    status: "note",
    text: expect.stringMatching(/^64 on \d+ CPUs \(CANDLE_EMBED_THREADS\)/) as string,
    advice: expect.stringContaining("above") as string,
  });
  const wrong = await doctor("CANDLE_EMBED_THREADS=many");
  expect(wrong.code).toBe(1);
  expect(find(wrong, "threads")).toMatchObject({
    status: "problem",
    advice: "set CANDLE_EMBED_THREADS to a whole number from 1, or unset it",
  });
});

it.runIf(process.platform === "linux" && availableParallelism() > 1)("knows the CPU affinity", async () => {
  const { stdout } = await runShell(`taskset -c 0 ${process.execPath} dist/cli/main.js doctor --json`);
  expect(find(JSON.parse(stdout) as Report, "threads").text).toMatch(/^1 on \d+ CPUs \(the CPU affinity\)$/);
});

it("shows settings of the network without their secrets", async () => {
  const environment =
    "HF_TOKEN=hf_verysecret HTTPS_PROXY=http://user:password@proxy.example:3128 HF_HUB_OFFLINE=1";
  const report = await doctor(environment);
  expect(find(report, "network")).toMatchObject({
    status: "note",
    data: { offline: true, hasToken: true, proxy: "http://proxy.example:3128" },
  });
  expect(report.output).not.toMatch(/verysecret|password/);
  const socks = await doctor("HTTPS_PROXY=socks5://user:password@proxy.example:1080");
  expect(find(socks, "network").status).toBe("problem");
  expect(socks.output).not.toContain("password");
});

it("takes a missing home folder for no problem but of downloads, and tells it once", async () => {
  const report = await doctor("HOME= HF_HOME= HF_HUB_CACHE= HUGGINGFACE_HUB_CACHE= XDG_CACHE_HOME=");
  expect(report.code).toBe(0);
  expect(find(report, "network").status).toBe("ok");
  expect(report.findings.filter(({ text }) => text.includes("no home folder"))).toMatchObject([
    { name: "cache", status: "note", advice: expect.stringContaining("HF_HUB_CACHE") as string },
  ]);
});

it("names the API that the environment asks for, without its key and without calling it", async () => {
  const api =
    "EMBEDDING_PROVIDER=api EMBEDDING_MODEL=small EMBEDDING_API_BASE_URL=http://me:secret@127.0.0.1:9/v1 EMBEDDING_API_KEY=sk-secret";
  const report = await doctor(api);
  expect(report.code).toBe(0);
  expect(find(report, "provider")).toMatchObject({
    status: "note",
    text: expect.stringMatching(
      /EMBEDDING_PROVIDER=api: small at http:\/\/127\.0\.0\.1:9\/v1, a key from EMBEDDING_API_KEY\nit is not called/,
    ) as string,
  });
  expect(report.output).not.toContain("secret");
  expect(find(await doctor("EMBEDDING_PROVIDER=apj"), "provider").status).toBe("problem");
});

it("names a lower instruction set that was forced", async () => {
  const report = await doctor("CANDLE_EMBED_ISA=scalar", path.join(root, "test/fixtures/tiny-bert-mean"));
  expect(find(report, "cpu")).toMatchObject({ status: "note", advice: "unset CANDLE_EMBED_ISA" });
  expect(find(report, "model").text).toContain("tiny-bert-mean");
});

it("says which model is missing or broken, and never downloads", async () => {
  const missing = await doctor("", `--cache-dir "${folder}"`, "bge-small-en-v1.5");
  expect(missing.code).toBe(1);
  expect(find(missing, "model")).toMatchObject({
    status: "problem",
    advice: '"candle-embed pull bge-small-en-v1.5" downloads what is missing or wrong',
  });
});

it("says what to do where the addon is missing, and still looks at the rest", async () => {
  const lonely = mkdtempSync(path.join(tmpdir(), "candle-embed-test-"));
  afterAll(() => {
    rmSync(lonely, { recursive: true, force: true });
  });
  mkdirSync(path.join(lonely, "dist"));
  symlinkSync(path.join(root, "node_modules"), path.join(lonely, "node_modules"));
  copyFileSync(path.join(root, "package.json"), path.join(lonely, "package.json"));
  const { stdout, code } = await runShell(
    `cp -r dist "${lonely}" && cd "${lonely}" && "${process.execPath}" dist/cli/main.js doctor --json`,
  );
  const report = JSON.parse(stdout) as Report;
  expect(readdirSync(lonely).some((name) => name.endsWith(".node"))).toBe(false);
  expect(code).toBe(1);
  expect(find(report, "addon")).toMatchObject({
    status: "problem",
    text: expect.stringMatching(/@candle-embed\/binding-\S+ is not installed. Install again/) as string,
  });
  expect(report.findings.map(({ name }) => name)).toContain("cache");
});

it("prints a page for people", async () => {
  const { stdout, code } = await runCli(["doctor"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ok {7}platform {3}\S/);
  expect(stdout).toMatch(/^(?:ok {7}|note {5})speed {6}[\d,]+ texts\/s/m);
  expect(await runCli(["doctor", "a", "b"])).toMatchObject({ code: 2 });
});
