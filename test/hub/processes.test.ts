import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";

import { finished, fixtures } from "../native/support.js";
import type { Fault } from "./fake-hub.js";
import { startCliWith } from "./run-cli.js";
import { hubEnvironment, leftovers, newCache, startHub, wrongFiles } from "./support.js";

const hub = await startHub();
const mean = path.join(fixtures, "tiny-bert-mean");
const small = ["config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json"];
const contents = Object.fromEntries(small.map((name) => [name, readFileSync(path.join(mean, name))]));
const commit = hub.serve("org/big", { ...contents, "model.safetensors": randomBytes(4_000_000) });
const weights = hub.file("org/big", "model.safetensors");

/** Emits "weights" when a process asks for them. */
const asked = new EventEmitter();

/** Eighty pieces, some milliseconds apart: a download that has a middle. */
const slow: Fault = ({ response, content, start }) => {
  asked.emit("weights");
  const rest = content.subarray(start);
  const range = `bytes ${String(start)}-${String(content.length - 1)}/${String(content.length)}`;
  response.writeHead(start > 0 ? 206 : 200, {
    "Content-Length": rest.length,
    ...(start > 0 && { "Content-Range": range }),
  });
  void (async () => {
    for (let at = 0; at < rest.length; at += 50_000) {
      response.write(rest.subarray(at, at + 50_000));
      await sleep(20);
    }
    response.end();
  })();
};

/** The same numbers in every run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** When a process is killed. */
interface Moment {
  from: "start" | "request";
  milliseconds: number;
}

function pull(cache: string): ReturnType<typeof startCliWith> {
  const patient = { HF_HUB_ETAG_TIMEOUT: "10", HF_HUB_DOWNLOAD_TIMEOUT: "10" };
  return startCliWith(["pull", "org/big"], { ...hubEnvironment(hub, cache), ...patient });
}

describe("several processes at once", () => {
  it.each([2, 8])("%i of them get the model, and fetch it once", async (count) => {
    hub.requests.length = 0;
    hub.faults.set("model.safetensors", [slow]);
    const cache = newCache();
    const ends = await Promise.all(Array.from({ length: count }, () => finished(pull(cache))));
    for (const end of ends) {
      expect(end).toMatchObject({
        code: 0,
        stdout: `${path.join(cache, "models--org--big/snapshots", commit)}\n`,
      });
    }
    expect(hub.count("model.safetensors")).toBe(1);
    expect(wrongFiles(cache)).toEqual([]);
    expect(leftovers(cache)).toEqual([]);
  });
});

describe("kill -9", () => {
  it(
    "at fifty random moments: nothing wrong is visible, and the next run finishes",
    { timeout: 300_000 },
    async () => {
      const random = randomNumbers(7);
      // Half of them count from the request for the weights: how long a program takes to come to it is the machine's
      // matter. Five in a row are less than one download takes.
      const moment = (): Moment => ({
        from: random() < 0.5 ? "start" : "request",
        milliseconds: 300 * random(),
      });
      const moments = Array.from({ length: 10 }, () => Array.from({ length: 5 }, moment));
      let killed = 0;
      let resumed = 0;
      const series = async (five: readonly Moment[]): Promise<void> => {
        const cache = newCache();
        for (const { from, milliseconds } of five) {
          const child = pull(cache);
          const end = finished(child);
          if (from === "request") await Promise.race([once(asked, "weights"), end]);
          await sleep(milliseconds);
          child.kill("SIGKILL");
          if ((await end).signal === "SIGKILL") killed++;
          expect(wrongFiles(cache)).toEqual([]);
        }
        hub.requests.length = 0;
        const end = await finished(pull(cache));
        expect(end).toMatchObject({ code: 0 });
        if (hub.requests.some(({ range }) => range !== undefined)) resumed++;
        const link = path.join(end.stdout.trim(), "model.safetensors");
        expect(readFileSync(link).equals(weights.content)).toBe(true);
        expect(wrongFiles(cache)).toEqual([]);
        expect(leftovers(cache)).toEqual([]);
      };
      hub.faults.set(
        "model.safetensors",
        Array.from({ length: 1_000 }, () => slow),
      );
      for (const five of moments) await series(five);
      // Some runs end before their moment; most do not, and what they left is used.
      expect(killed).toBeGreaterThan(25);
      expect(resumed).toBeGreaterThan(0);
    },
  );
});
