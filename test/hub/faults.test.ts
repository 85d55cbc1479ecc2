import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";

import { fixtures } from "../native/support.js";
import { FakeHub, sendRange, type Fault } from "./fake-hub.js";
import { fetchFrom, leftovers, newCache, startHub, wrongFiles } from "./support.js";

const hub = await startHub();
hub.serve("org/mean", path.join(fixtures, "tiny-bert-mean"));
const { content: weights } = hub.file("org/mean", "model.safetensors");

afterEach(() => {
  hub.faults.clear();
  hub.requests.length = 0;
});

/** Answers rightly, but only the first `count` bytes of what was asked for come before `end`. */
function upTo(count: number, end: "reset" | "close" | "stall"): Fault {
  return ({ response, content, start }) => {
    const rest = content.subarray(start);
    const range = `bytes ${String(start)}-${String(content.length - 1)}/${String(content.length)}`;
    response.writeHead(start > 0 ? 206 : 200, {
      ...(start > 0 && { "Content-Range": range }),
      // Without a length, the end of the connection is the end of the body.
      ...(end === "close" ? { Connection: "close" } : { "Content-Length": rest.length }),
    });
    response.flushHeaders();
    const finish = (): void => {
      if (end === "close") response.end();
      else if (end === "reset") response.socket?.resetAndDestroy();
    };
    if (count === 0) finish();
    else response.write(rest.subarray(0, count), finish);
  };
}

function answer(
  status: number,
  headers: Record<string, string | number> = {},
  body: string | Buffer = "",
): Fault {
  return ({ response }) => {
    response.writeHead(status, headers).end(body);
  };
}

const fine: Fault = ({ request, response, content }) => {
  sendRange(request, response, content);
};

const changed = Buffer.from(weights);
changed[1000] = (changed[1000] ?? 0) ^ 1;

describe("a fault that passes", () => {
  const boundaries = [0, 1, 2, 7, 8, 100, 4095, 4096, 4097, weights.length - 2, weights.length - 1];

  it.each(["reset", "close", "stall"] as const)("%s at any byte: the rest is fetched", async (end) => {
    // Pseudo-random offsets that are the same in every run, besides those at which something begins or ends.
    const random = Array.from({ length: 29 }, (_, i) => (i * 7_919 * 7_919) % weights.length);
    const offsets = [...boundaries, ...random];
    const work = async (): Promise<void> => {
      for (let offset = offsets.shift(); offset !== undefined; offset = offsets.shift()) {
        // A hub of its own, since several run at once.
        const own = await FakeHub.start();
        try {
          own.serve("org/mean", path.join(fixtures, "tiny-bert-mean"));
          own.fault("model.safetensors", upTo(offset, end));
          const cache = newCache();
          await fetchFrom(own, cache, "org/mean");
          expect(wrongFiles(cache), `at byte ${String(offset)}`).toEqual([]);
          expect(leftovers(cache)).toEqual([]);
        } finally {
          own.stop();
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, work));
  });

  it.each<[string, Fault]>([
    ["500", answer(500)],
    ["502", answer(502, {}, "<html>Bad gateway</html>")],
    ["503 with a pause in seconds", answer(503, { "Retry-After": 0 })],
    ["429 with a pause until a time", answer(429, { "Retry-After": new Date().toUTCString() })],
    ["408", answer(408)],
    ["403 of a host of files, whose address was signed for a time that is over", answer(403)],
    ["a web page with status 200", answer(200, { "Content-Type": "text/html" }, "<html>log in</html>")],
    ["another file with status 200", answer(200, {}, changed)],
    ["more than the file", answer(200, {}, Buffer.concat([weights, weights]))],
    [
      "one byte more, without a length",
      ({ response }) => {
        response.writeHead(200, { Connection: "close" });
        response.write(weights);
        response.end("x");
      },
    ],
    ["a wrong length", answer(200, { "Content-Length": 3 }, "abc")],
    ["compression that was not asked for", answer(200, { "Content-Encoding": "gzip" }, weights)],
    ["no answer", () => undefined],
    ["206 to a request without a range", answer(206, { "Content-Range": "bytes 5-9/10" }, "abcde")],
  ])("%s: the file is fetched again", async (_, fault) => {
    const cache = newCache();
    hub.fault("model.safetensors", fault);
    await fetchFrom(hub, cache, "org/mean");
    expect(hub.count("model.safetensors")).toBe(2);
    expect(wrongFiles(cache)).toEqual([]);
    expect(leftovers(cache)).toEqual([]);
  });

  it("waits as long as the server asks for", async () => {
    hub.fault("model.safetensors", answer(429, { "Retry-After": 1 }));
    const start = performance.now();
    await fetchFrom(hub, newCache(), "org/mean");
    expect(performance.now() - start).toBeGreaterThan(990);
  });

  it.each<[string, Fault]>([
    ["500", answer(500)],
    ["a web page", answer(200, { "Content-Type": "text/html" }, "<html>")],
    ["no answer", () => undefined],
    [
      "half an answer",
      ({ response }) => {
        response.writeHead(200, { "Content-Length": 100 });
        response.write("{", () => response.destroy());
      },
    ],
  ])("%s to a question about the model: it is asked again", async (_, fault) => {
    hub.fault("api", fault, fine);
    hub.faults.set("api", [fault]);
    const cache = newCache();
    await fetchFrom(hub, cache, "org/mean");
    expect(wrongFiles(cache)).toEqual([]);
  });
});

describe("a fault that stays", () => {
  const always = (fault: Fault): Fault[] => Array.from({ length: 20 }, () => fault);

  it.each<[string, Fault, string, RegExp]>([
    ["500", answer(500), "DOWNLOAD_FAILED", /^model\.safetensors: \S+ answered 500/],
    [
      "a web page",
      answer(200, { "Content-Type": "text/html" }, "<html>"),
      "DOWNLOAD_FAILED",
      /does this network want a log-in/,
    ],
    [
      "a long pause",
      answer(429, { "Retry-After": 3600 }),
      "DOWNLOAD_FAILED",
      /answered 429.*come again in 3600 s/,
    ],
    ["another content", answer(200, {}, changed), "CHECKSUM_MISMATCH", /is not the file it should be/],
    ["less than the file", upTo(10, "close"), "", /./],
    [
      "404",
      answer(404, { "X-Error-Code": "EntryNotFound" }),
      "DOWNLOAD_FAILED",
      /^model\.safetensors: \S+ answered 404 for \/content\/org\/mean/,
    ],
    [
      "a redirect to itself",
      ({ request, response }) => {
        response.writeHead(302, { Location: request.url }).end();
      },
      "DOWNLOAD_FAILED",
      /redirects without end/,
    ],
    [
      "a redirect to a file",
      answer(302, { Location: "file:///etc/passwd" }),
      "DOWNLOAD_FAILED",
      /redirects to a file: address/,
    ],
    ["a redirect to nowhere", answer(302), "DOWNLOAD_FAILED", /redirects to nowhere/],
  ])("%s ends in an error, and nothing wrong is visible", async (_, fault, code, message) => {
    const cache = newCache();
    hub.fault("model.safetensors", ...always(fault));
    const fetched = fetchFrom(hub, cache, "org/mean");
    if (code === "") {
      // Ten bytes an attempt: no step forward that counts.
      await expect(fetched).rejects.toMatchObject({ code: "DOWNLOAD_FAILED" });
    } else {
      await expect(fetched).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message) as string,
      });
    }
    expect(wrongFiles(cache)).toEqual([]);
    expect(existsSync(path.join(cache, "models--org--mean/refs/main"))).toBe(false);
    expect(readdirSync(path.join(cache, "models--org--mean/blobs"))).not.toContain(
      hub.file("org/mean", "model.safetensors").etag,
    );
    hub.faults.clear();
    await fetchFrom(hub, cache, "org/mean");
    expect(wrongFiles(cache)).toEqual([]);
    expect(leftovers(cache)).toEqual([]);
  });

  it.each<[string, Fault, string, RegExp]>([
    [
      "not there",
      answer(404, { "X-Error-Code": "RepoNotFound" }),
      "MODEL_NOT_FOUND",
      /no model org\/mean at http.*HF_TOKEN/,
    ],
    ["not to be seen without a token", answer(401), "MODEL_NOT_FOUND", /if it is private, set HF_TOKEN/],
    [
      "gated",
      answer(403, { "X-Error-Code": "GatedRepo" }),
      "DOWNLOAD_FAILED",
      /accept its terms at http.*\/org\/mean, then set HF_TOKEN/,
    ],
    [
      "without that revision",
      answer(404, { "X-Error-Code": "RevisionNotFound" }),
      "MODEL_NOT_FOUND",
      /has no revision "main"/,
    ],
    [
      "on a server that is no hub",
      answer(200, {}, "{}"),
      "DOWNLOAD_FAILED",
      /does not answer as a model hub does/,
    ],
    [
      "behind a log-in page",
      answer(200, {}, "<html>"),
      "DOWNLOAD_FAILED",
      /the answer is no JSON.*log-in pages/,
    ],
    [
      "too much to list",
      answer(200, {}, Buffer.alloc(17 << 20, " ")),
      "DOWNLOAD_FAILED",
      /the answer is too long/,
    ],
  ])("a model that is %s is an error that says what to do", async (_, fault, code, message) => {
    hub.fault("api", ...always(fault));
    const cache = newCache();
    await expect(fetchFrom(hub, cache, "org/mean")).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
    expect(existsSync(cache)).toBe(false);
  });
});

describe("eight calls at once", () => {
  it("get the model where no lock can be made, each by itself", async () => {
    const cache = newCache();
    mkdirSync(cache, { recursive: true });
    writeFileSync(path.join(cache, ".locks"), "no folder");
    await Promise.all(Array.from({ length: 8 }, () => fetchFrom(hub, cache, "org/mean")));
    expect(hub.count("model.safetensors")).toBeGreaterThan(1);
    expect(wrongFiles(cache)).toEqual([]);
    expect(leftovers(cache)).toEqual([]);
  });

  it("fetch every file once", async () => {
    const cache = newCache();
    await Promise.all(Array.from({ length: 8 }, () => fetchFrom(hub, cache, "org/mean")));
    expect(hub.count("model.safetensors")).toBe(1);
    expect(wrongFiles(cache)).toEqual([]);
    expect(leftovers(cache)).toEqual([]);
  });
});
