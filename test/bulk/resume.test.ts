import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { describe, expect, it, vi } from "vitest";

import { mountTmpfs } from "../hub/support.js";
import { corpus, finished, runCli, Workplace, withTinyModel } from "./support.js";

const place = new Workplace();
place.write("corpus.jsonl", corpus(6_000));

/** Starts a run, waits until batches of it are committed, and ends it. */
async function interrupt(output: string, signal: NodeJS.Signals, ...more: string[]): Promise<string> {
  const child = place.start("corpus.jsonl", output, ...more);
  const end = finished(child);
  await vi.waitUntil(() => existsSync(place.at(`${output}.journal`)) && committed(output) > 1, {
    timeout: 30_000,
    interval: 2,
  });
  child.kill(signal);
  return (await end).stderr;
}

function committed(output: string): number {
  return place.read(`${output}.journal`).toString().split("\n").length - 2;
}

function beside(output: string): string[] {
  return readdirSync(place.folder)
    .filter((name) => name.startsWith(`${output}.`))
    .sort();
}

describe.each(["jsonl", "json", "npy", "f32", "text", "parquet", "arrow"])("%s", (format) => {
  it("killed three times has the bytes of a run that nobody disturbed", async () => {
    const [whole, killed] = [`whole.${format}`, `killed.${format}`];
    expect(await place.embed("corpus.jsonl", whole, "--format", format)).toMatchObject({ code: 0 });
    for (let kill = 0; kill < 3; kill++) await interrupt(killed, "SIGKILL", "--format", format);
    const end = await place.embed("corpus.jsonl", killed, "--format", format);
    expect(end.stderr).toMatch(/^candle-embed: going on after [1-5],\d{3} texts of an earlier run\n/);
    expect(end.stderr).toContain("candle-embed: 61 lines could not be used: see ");
    expect(place.read(killed).equals(place.read(whole))).toBe(true);
    expect(place.read(`${killed}.errors.jsonl`)).toEqual(place.read(`${whole}.errors.jsonl`));
    expect(beside(killed)).toEqual([`${killed}.errors.jsonl`]);
  });
});

describe("an unfinished run", () => {
  it("says on Ctrl-C how to go on", async () => {
    const stderr = await interrupt("stopped.jsonl", "SIGINT");
    expect(stderr).toMatch(
      /^candle-embed: stopped after [\d,]+ texts; run the same command again to go on\n$/,
    );
    expect(existsSync(place.at("stopped.jsonl"))).toBe(false);
  });

  it("is not gone on with under other options or with another input, and is begun anew with --restart", async () => {
    const other = await place.embed("corpus.jsonl", "stopped.jsonl", "--truncate", "start");
    expect(other).toMatchObject({ code: 1, stdout: "" });
    expect(other.stderr).toMatch(
      /INVALID_INPUT: .*journal belongs to a run that had --truncate not set, where it is "start" now; .*--restart/,
    );
    utimesSync(place.at("corpus.jsonl"), 1, 1);
    expect((await place.embed("corpus.jsonl", "stopped.jsonl")).stderr).toMatch(
      /belongs to a run that had an input changed at "20\d\d.*", where it is "1970-01-01T00:00:01.000Z" now/,
    );
    const piped = withTinyModel("embed", "--output", place.at("stopped.jsonl"));
    expect((await runCli(piped, "a text")).stderr).toMatch(/journal belongs to a run that is not finished; /);
    const anew = await place.embed("corpus.jsonl", "stopped.jsonl", "--restart", "--quiet");
    expect(anew).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^candle-embed: 61 lines/) as string,
    });
    expect(place.read("stopped.jsonl").equals(place.read("whole.jsonl"))).toBe(true);
  });

  it("is gone on with where its last line and its last vectors did not reach the disk whole", async () => {
    await interrupt("torn.jsonl", "SIGKILL");
    appendFileSync(place.at("torn.jsonl.journal"), '{"rows":99999,"par');
    truncateSync(place.at("torn.jsonl.partial"), place.read("torn.jsonl.partial").length - 1_000);
    expect(await place.embed("corpus.jsonl", "torn.jsonl")).toMatchObject({ code: 0 });
    expect(place.read("torn.jsonl").equals(place.read("whole.jsonl"))).toBe(true);
  });
});

const small = mountTmpfs("size=3m");

it.skipIf("reason" in small)(
  `goes on after a full disk ${"reason" in small ? small.reason : ""}`,
  async () => {
    const { folder } = small as { folder: string };
    const args = withTinyModel("embed", "--file", place.at("corpus.jsonl"), "--output", `${folder}/full.f32`);
    const filler = `${folder}/filler`;
    writeFileSync(filler, Buffer.alloc(2_700_000));
    const full = await runCli(args);
    expect(full.code).toBe(1);
    expect(full.stderr).toMatch(/stopped after [\d,]+ texts; run the same command again to go on\n/);
    expect(full.stderr).toMatch(/ENOSPC: no space left on device, .*full\.f32/);
    rmSync(filler);
    expect((await runCli(args)).stderr).toMatch(/going on after [\d,]+ texts/);
    expect(readFileSync(`${folder}/full.f32`).equals(place.read("whole.f32"))).toBe(true);
  },
);
