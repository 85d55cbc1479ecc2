// candle-embed serve, as a process.
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, Agent, request } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";

import { finished } from "../native/support.js";
import { runCli, startCli, temporaryFolder, tinyModel } from "../cli/support.js";
import { get, patience, post } from "./support.js";

interface Running {
  readonly child: ReturnType<typeof startCli>;
  readonly end: ReturnType<typeof finished>;
  readonly url: string;
  readonly records: Record<string, unknown>[];
}

/** Starts a server on a free port and waits until it listens, or until it is ready. */
async function serve(args: readonly string[] = [], event = "model_ready"): Promise<Running> {
  const child = startCli(["serve", "--port", "0", "--json", "--model", `tiny=${tinyModel}`, ...args]);
  const end = finished(child);
  const records: Record<string, unknown>[] = [];
  const seen = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      const record = JSON.parse(line) as Record<string, unknown>;
      records.push(record);
      if (record["event"] === event) resolve();
    });
    child.once("exit", () => {
      reject(new Error("the server ended"));
    });
  });
  await seen;
  const url = String(records.find((record) => record["event"] === "listening")?.["url"]);
  return { child, end, url, records };
}

describe("the command", () => {
  it("answers, logs JSON, and ends with code 0 on SIGTERM and on Ctrl-C", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const { child, end, url, records } = await serve(["--alias", "other"]);
      expect((await post(`${url}/v1/embeddings`, { model: "other", input: "a" })).body).toMatchObject({
        model: "tiny",
      });
      child.kill(signal);
      expect(await end).toMatchObject({ code: 0, signal: null, stdout: "" });
      expect(records.map(({ event }) => event)).toEqual(["listening", "model_ready", "draining", "stopped"]);
    }
  });

  it("serves several models by their names", async () => {
    const { child, end, url } = await serve(
      ["--model", `second=${tinyModel}`, "--alias", "x=second"],
      "listening",
    );
    await expect.poll(async () => (await get(`${url}/ready`)).status, patience).toBe(200);
    const list = (await get(`${url}/v1/models`)).body["data"] as { id: string }[];
    expect(list.map(({ id }) => id)).toEqual(["tiny", "second", "x"]);
    child.kill();
    expect((await end).code).toBe(0);
  });

  it("takes its keys from a file, the environment and a program", async () => {
    const file = path.join(temporaryFolder(), "keys");
    writeFileSync(file, "from-file\n");
    const child = await serve([
      "--api-key-file",
      file,
      "--api-key-command",
      `${process.execPath} -p '"from-program"'`,
    ]);
    for (const [key, status] of [
      ["from-file", 200],
      ["from-program", 200],
      ["other", 401],
    ] as const) {
      expect((await get(`${child.url}/v1/models`, { authorization: `Bearer ${key}` })).status).toBe(status);
    }
    child.child.kill();
    await child.end;
  });

  it.each<[string, string[], number, RegExp]>([
    [
      "an address for everyone",
      ["--host", "0.0.0.0"],
      1,
      /INVALID_INPUT: 0\.0\.0\.0 can be reached by others/,
    ],
    ["a model that is not there", ["--model", "./absent"], 1, /MODEL_NOT_FOUND/],
    [
      "a key file that is not there",
      ["--api-key-file", "/absent/keys"],
      1,
      /INVALID_INPUT: the key file \/absent\/keys cannot be read: ENOENT/,
    ],
    ["a port that is none", ["--port", "70000"], 2, /USAGE: --port must be at most 65535/],
    ["a port that is no number", ["--port", "http"], 2, /USAGE: --port/],
    ["an option that is not there", ["--prot", "1"], 2, /USAGE: Unknown option '--prot'/],
    ["an argument", ["model"], 2, /USAGE: serve takes no arguments/],
    [
      "a wrong choice",
      ["--token-ids", "maybe"],
      2,
      /USAGE: --token-ids must be one of auto, model, cl100k, reject/,
    ],
    ["two models of one name", ["--model", "a=x", "--model", "a=y"], 2, /USAGE: two models are called a/],
    ["an alias of no model", ["--alias", "a=b"], 2, /USAGE: --alias a=b: no model here is called b/],
  ])("ends at once with one line of error: %s", async (_, args, code, message) => {
    const result = await runCli(["serve", ...(args.includes("--port") ? [] : ["--port", "0"]), ...args]);
    const errors = result.stderr.split("\n").filter((line) => line.startsWith("candle-embed: "));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(message);
    expect(result).toMatchObject({ code, stdout: "" });
  });

  it("tells a taken port before it loads anything", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const port = String((other.address() as AddressInfo).port);
    const { code, stderr } = await runCli(["serve", "--port", port, "--model", tinyModel]);
    expect(stderr).toMatch(
      /^candle-embed: INVALID_INPUT: 127\.0\.0\.1:\d+ is in use already: [^\n]* --port [^\n]*\n$/,
    );
    expect(code).toBe(1);
    other.close();
  });
});

describe("SIGTERM", () => {
  it("says not ready at once and answers on for the delay", async () => {
    const { child, end, url } = await serve(["--drain-delay", "1500"]);
    child.kill();
    await expect.poll(async () => (await get(`${url}/ready`)).status, patience).toBe(503);
    expect((await get(`${url}/ready`)).body).toEqual({ status: "draining" });
    expect((await get(`${url}/health`)).status).toBe(200);
    const answer = await post(`${url}/v1/embeddings`, { input: "late" });
    expect([answer.status, answer.headers.get("connection")]).toEqual([200, "close"]);
    expect((await end).code).toBe(0);
    await expect(get(`${url}/health`)).rejects.toThrow();
  });

  it("ends at once when it comes twice", async () => {
    const { child, end, url } = await serve(["--drain-delay", "60000"]);
    child.kill();
    await expect.poll(async () => (await get(`${url}/ready`)).status, patience).toBe(503);
    child.kill();
    expect(await end).toMatchObject({ signal: "SIGTERM" });
  });

  it.each([1, 2, 3, 4, 5])("under load loses no request: round %i", async (round) => {
    const { child, end, url } = await serve(["--drain-delay", "500"]);
    const results = { answered: 0, lost: [] as string[] };
    const clients = Array.from({ length: 16 }, (_, index) => keepAsking(url, results, index % 2 === 0));
    await expect.poll(() => results.answered, patience).toBeGreaterThan(60 * round);
    child.kill();
    await Promise.all(clients);
    expect((await end).code).toBe(0);
    expect(results.lost).toEqual([]);
  });

  it("gives up what is not done by the deadline: 503, and an end in time", async () => {
    const child = startCli(["serve", "--port", "0", "--json", "--drain-deadline", "300"]);
    const end = finished(child);
    const lines: string[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => lines.push(line));
    await expect.poll(() => lines.some((line) => line.includes('"model_ready"')), patience).toBe(true);
    const { url } = JSON.parse(lines.find((line) => line.includes('"listening"')) as string) as {
      url: string;
    };
    // More work than fits into the deadline: seconds of it.
    const input = new Array<string>(2_048).fill("many words to compute ".repeat(60));
    const answer = post(`${url}/v1/embeddings`, { input });
    await expect
      .poll(async () => (await get(`${url}/metrics`)).text, patience)
      .toMatch(/candle_embed_pending_tokens\{[^}]*\} [1-9]/);
    child.kill();
    const { status } = await answer;
    expect(status).toBe(503);
    expect((await end).code).toBe(0);
  });
});

/**
 * Asks until an answer says that the server stops, as a load balancer would: by `connection: close` on a connection that was
 * kept, else by `/ready`. An answer that does not come, or not whole, is a loss.
 */
async function keepAsking(
  url: string,
  results: { answered: number; lost: string[] },
  keepAlive: boolean,
): Promise<void> {
  const agent = new Agent({ keepAlive, maxSockets: 1 });
  const body = JSON.stringify({ input: "a text under load" });
  const ask = (method: string, path: string, content: string): Promise<{ status: number; closes: boolean }> =>
    new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": String(content.length) };
      const message = request(url + path, { method, agent, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("error", reject);
        response.on("end", () => {
          if (!text.endsWith("}")) reject(new Error(`an answer that breaks off: ${text.slice(-20)}`));
          resolve({ status: response.statusCode ?? 0, closes: response.headers.connection === "close" });
        });
      });
      message.on("error", reject);
      message.end(content);
    });
  try {
    for (let stops = false; !stops;) {
      const { status, closes } = await ask("POST", "/v1/embeddings", body);
      if (status !== 200) throw new Error(`status ${String(status)}`);
      results.answered++;
      stops = keepAlive ? closes : (await ask("GET", "/ready", "")).status === 503;
    }
  } catch (error) {
    results.lost.push(String(error));
  } finally {
    agent.destroy();
  }
}
