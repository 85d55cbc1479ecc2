import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

import { formatBytes } from "../../src/utils/format-bytes.js";
import { ProgressBar, progressLine } from "../../src/cli/progress-bar.js";
import type { DownloadProgress } from "../../src/hub/progress.js";
import { runCliWith } from "../hub/run-cli.js";
import { hubEnvironment, newCache, startHub, wrongFiles } from "../hub/support.js";
import { finished } from "../native/support.js";
import { spawn } from "node:child_process";
import { root, tinyModel } from "./support.js";

const hub = await startHub();
const commit = hub.serve("org/mean", tinyModel);
const cache = newCache();
const env = { ...hubEnvironment(hub, cache), HF_HUB_ETAG_TIMEOUT: "10", HF_HUB_DOWNLOAD_TIMEOUT: "10" };
const folder = path.join(cache, "models--org--mean/snapshots", commit);

describe("pull", () => {
  it("prints the folder, and on stderr what came", async () => {
    const first = await runCliWith(["pull", "org/mean"], env);
    expect(first).toMatchObject({ code: 0, stdout: `${folder}\n` });
    expect(first.stderr).toBe("org/mean: 108.5 kB, 108.5 kB downloaded\n");
    const second = await runCliWith(["pull", "org/mean"], env);
    expect(second).toMatchObject({
      code: 0,
      stdout: `${folder}\n`,
      stderr: "org/mean: 108.5 kB, already here\n",
    });
    const third = await runCliWith(["pull", "--json", "org/mean"], env);
    expect(JSON.parse(third.stdout)).toEqual([
      { repository: "org/mean", revision: commit, folder, bytes: 108_525, downloadedBytes: 0 },
    ]);
  });

  it("fetches again what went bad", async () => {
    const blob = path.join(cache, "models--org--mean/blobs", hub.file("org/mean", "model.safetensors").etag);
    const content = readFileSync(blob);
    content[5000] = (content[5000] ?? 0) ^ 1;
    writeFileSync(blob, content);
    expect(wrongFiles(cache)).not.toEqual([]);
    const { stderr } = await runCliWith(["pull", "org/mean"], env);
    expect(stderr).toMatch(/^org\/mean: 108\.5 kB, \d+\.\d kB downloaded\n$/);
    expect(wrongFiles(cache)).toEqual([]);
  });

  it.each([
    [["pull"], 2, /^USAGE: pull needs a MODEL/],
    [["pull", "no-such-name"], 2, /^USAGE: "no-such-name" is no name that "candle-embed models" lists/],
    [["pull", "--revision", "x", "org/a", "org/b"], 2, /^USAGE: --revision is for one MODEL/],
    [["pull", "--cache-dir", "", "org/a"], 2, /^USAGE: --cache-dir must not be empty/],
    [["pull", "org/none"], 1, /^MODEL_NOT_FOUND: there is no model org\/none at http/],
    [["pull", "org/mean", "--revision", "v9"], 1, /^MODEL_NOT_FOUND: org\/mean has no revision "v9"/],
    [["embed", "--model", "org/none", "x"], 1, /^MODEL_NOT_FOUND: there is no model org\/none/],
    [
      ["embed", "--model", "bge-small-en-v1.5", "--offline", "x"],
      1,
      /^OFFLINE: BAAI\/bge-small-en-v1\.5: it is not in/,
    ],
    [["rm"], 2, /^USAGE: rm needs a MODEL/],
    [["rm", "org/none"], 1, /^MODEL_NOT_FOUND: org\/none is not in the cache/],
    [["rm", "../../etc"], 2, /^USAGE: "\.\.\/\.\.\/etc" is no name and no hub id/],
    [
      ["rm", "all-MiniLM-L6-v2"],
      1,
      /^MODEL_NOT_FOUND: sentence-transformers\/all-MiniLM-L6-v2 is not in the cache/,
    ],
  ])("%j: exit code %i and one line", async (args, code, message) => {
    const end = await runCliWith(args, env);
    expect({ code: end.code, stdout: end.stdout }).toEqual({ code, stdout: "" });
    expect(end.stderr.replace("candle-embed: ", "").trimEnd()).toMatch(message);
    expect(end.stderr.trimEnd()).not.toContain("\n");
  });

  it("ends at once on SIGTERM, and goes on the next time", async () => {
    const own = newCache();
    hub.fault("model.safetensors", ({ response, content }) => {
      response.writeHead(200, { "Content-Length": content.length });
      response.write(content.subarray(0, 40_000));
    });
    const child = spawn(process.execPath, [path.join(root, "dist/cli/main.js"), "pull", "org/mean"], {
      env: { PATH: process.env["PATH"], ...env, HF_HUB_CACHE: own },
    });
    const end = finished(child);
    while (hub.faults.get("model.safetensors")?.length !== 0)
      await new Promise((next) => setTimeout(next, 20));
    await new Promise((next) => setTimeout(next, 100));
    child.kill("SIGTERM");
    expect(await end).toMatchObject({ code: 143, stdout: "", stderr: "" });
    hub.requests.length = 0;
    expect((await runCliWith(["pull", "org/mean"], { ...env, HF_HUB_CACHE: own })).code).toBe(0);
    expect(hub.requests.map(({ range }) => range)).toContain("bytes=40000-");
  });
});

describe("a model of the hub", () => {
  it("is named like any other", async () => {
    const args = ["similarity", "the fox", "the river", "--model"];
    const hubModel = await runCliWith([...args, "org/mean", "--cache-dir", newCache()], env);
    expect(hubModel).toMatchObject({ code: 0, stderr: "" });
    expect(hubModel.stdout).toBe((await runCliWith([...args, tinyModel], env)).stdout);
    const offline = await runCliWith([...args, "org/mean", "--offline", "--revision", commit], env);
    expect(offline.stdout).toBe(hubModel.stdout);
  });
});

describe("models", () => {
  it("says which are there", async () => {
    const { stdout } = await runCliWith(["models"], env);
    expect(stdout).toMatch(/all-MiniLM-L6-v2 .*int8 .*Apache-2\.0 +\//);
    expect(stdout).toMatch(
      /bge-small-en-v1\.5 +BAAI\/bge-small-en-v1\.5 +384 +512 +float32 +MIT +not downloaded\n/,
    );
    expect(stdout).toMatch(/potion-base-8M .* any /);
  });

  it("lists what is cached, with sizes", async () => {
    const { stdout } = await runCliWith(["models", "--cached"], env);
    expect(stdout).toMatch(/^id +size +revisions +where\norg\/mean +1\d\d\.\d kB +main +\//);
    const json = JSON.parse((await runCliWith(["models", "--cached", "--json"], env)).stdout) as unknown;
    expect(json).toMatchObject([
      { repository: "org/mean", revisions: [{ commit, refs: ["main"], files: 9 }] },
    ]);
    const empty = newCache();
    expect((await runCliWith(["models", "--cached", "--cache-dir", empty], env)).stdout).toBe(
      `no models in ${empty}\n`,
    );
  });

  it.skipIf(process.getuid?.() !== 0)(
    "lists the names without a home folder (needs root, to be nobody)",
    async () => {
      const nobody = { uid: 65_432, gid: 65_432 };
      const start = (...args: string[]): ReturnType<typeof finished> =>
        finished(
          spawn(process.execPath, [path.join(root, "dist/cli/main.js"), ...args], {
            ...nobody,
            env: { PATH: process.env["PATH"] },
          }),
        );
      const listed = await start("models");
      // The checkout itself may be closed to others.
      if (listed.stderr.includes("EACCES") || listed.stderr.includes("Cannot find module")) return;
      expect(listed).toMatchObject({ code: 0, stderr: "" });
      expect(await start("pull", "org/mean")).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /DOWNLOAD_FAILED: there is no home folder to keep models in: set HF_HOME/,
        ) as string,
      });
    },
  );
});

describe("rm", () => {
  it("removes a model and says what that freed", async () => {
    mkdirSync(path.join(cache, "models--other--model"));
    const { code, stdout } = await runCliWith(["rm", "org/mean"], env);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^org\/mean: 1\d\d\.\d kB freed\n$/) as string,
    });
    expect(existsSync(path.join(cache, "models--org--mean"))).toBe(false);
    expect(existsSync(path.join(cache, "models--other--model"))).toBe(true);
  });
});

describe("the progress bar", () => {
  const progress: DownloadProgress = {
    file: "model.safetensors",
    filesDone: 3,
    files: 8,
    bytes: 69_100_000,
    totalBytes: 133_500_000,
    bytesPerSecond: 11_200_000,
    secondsRemaining: 5.75,
  };

  it("is one line that fits", () => {
    expect(progressLine("bge-small-en-v1.5", progress, 100)).toBe(
      "bge-small-en-v1.5 [===============>              ]  51%  69.1 MB / 133.5 MB  11.2 MB/s  0:06",
    );
    for (const width of [20, 40, 60, 80, 200]) {
      expect(progressLine("a".repeat(30), progress, width).length).toBeLessThanOrEqual(width);
    }
    expect(progressLine("m", { ...progress, secondsRemaining: 3725 }, 100)).toMatch(/1:02:05$/);
    expect(progressLine("m", { ...progress, secondsRemaining: undefined, totalBytes: 0 }, 100)).toMatch(
      /100%.*\/s$/,
    );
  });

  it("is for terminals only", () => {
    const written: string[] = [];
    const stream = (isTTY: boolean): NodeJS.WriteStream =>
      ({ isTTY, columns: 80, write: (text: string) => written.push(text) }) as unknown as NodeJS.WriteStream;
    const pipe = new ProgressBar(stream(false));
    pipe.show("m", progress);
    pipe.clear();
    expect(written).toEqual([]);
    const terminal = new ProgressBar(stream(true));
    terminal.show("m", progress);
    terminal.clear();
    expect(written).toEqual([expect.stringMatching(/^\rm \[=+>/), "\r\u001B[K"]);
  });

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [999_949, "999.9 kB"],
    [999_950, "1.0 MB"],
    [1_340_000_000, "1.3 GB"],
  ])("%i bytes are %s", (bytes, expected) => {
    expect(formatBytes(bytes)).toBe(expected);
  });
});
