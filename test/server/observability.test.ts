import { trace } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterAll, expect, it } from "vitest";

import { ApiBackend, apiWithLocalFallback, type EmbeddingBackend } from "candle-embed";
import type { LogRecord } from "candle-embed/server";

import { answerWith, dimensions, FakeApi } from "../api/fake-api.js";
import { localBackend } from "../api/support.js";
import { FakeBackend, get, post, startEmbedded, startServer } from "./support.js";

/** Samples of Prometheus' text format: name and labels to value. Fails on lines that are not of the format. */
function parseMetrics(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const typed = new Set<string>();
  for (const line of text.trimEnd().split("\n")) {
    const type = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line);
    if (type !== null) {
      expect(typed.has(type[1] as string), line).toBe(false);
      typed.add(type[1] as string);
      continue;
    }
    if (/^# HELP \w+ \S.*$/.test(line)) continue;
    const sample = /^([a-zA-Z_]\w*)(\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})? (\S+)$/.exec(line);
    expect(sample, line).not.toBe(null);
    const [, name = "", labels = "", value = ""] = sample ?? [];
    expect(
      [name, name.replace(/_(bucket|sum|count)$/, "")].some((each) => typed.has(each)),
      line,
    ).toBe(true);
    expect(samples.has(name + labels), line).toBe(false);
    samples.set(name + labels, Number(value));
  }
  return samples;
}

it("counts requests, texts, tokens and failures by the names of text-embeddings-inference", async () => {
  const { url } = await startEmbedded();
  const embeddings = `${url}/v1/embeddings`;
  await post(embeddings, { input: "one text" });
  await post(embeddings, { input: ["two", "texts"] });
  await post(embeddings, { input: "word ".repeat(400) });
  await post(embeddings, { input: [] });
  await get(`${url}/stranger-1`);
  await get(`${url}/stranger-2`);
  const { headers, text } = await get(`${url}/metrics`);
  expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const samples = parseMetrics(text);
  for (const [name, value] of Object.entries({
    'te_request_count{method="single",model="mini"}': 2,
    'te_request_count{method="batch",model="mini"}': 1,
    'te_request_success{method="single",model="mini"}': 2,
    'te_request_failure{err="validation"}': 1,
    'te_embed_count{model="mini"}': 4,
    'te_embed_success{model="mini"}': 4,
    'te_request_duration_count{model="mini"}': 3,
    'te_request_queue_duration_count{model="mini"}': 3,
    'te_request_inference_duration_count{model="mini"}': 3,
    'te_request_input_length_count{model="mini"}': 4,
    'te_request_input_length_bucket{model="mini",le="4"}': 3,
    'te_queue_size{model="mini"}': 0,
    'candle_embed_model_ready{model="mini"}': 1,
    'candle_embed_truncated_texts{model="mini"}': 1,
    'candle_embed_tokens{model="mini"}': 4 + 3 + 3 + 256,
    'candle_embed_http_responses{path="other",status="404"}': 2,
  })) {
    expect(samples.get(name), name).toBe(value);
  }
  expect([...samples.keys()].filter((name) => name.startsWith("te_request_duration_bucket"))).toHaveLength(
    36,
  );
  expect(samples.get('te_request_duration_bucket{model="mini",le="0.000015"}')).toBe(0);
  expect(samples.get("process_resident_memory_bytes")).toBeGreaterThan(1e7);
  expect(samples.get("process_cpu_seconds_total")).toBeGreaterThan(0);
});

it("can be kept from everyone, or shown to everyone", async () => {
  const models = { fake: new FakeBackend() };
  const shown = await startServer({ models, apiKeys: ["key"], metrics: "public" });
  expect((await get(`${shown.url}/metrics`)).status).toBe(200);
  const off = await startServer({ models, metrics: "off" });
  expect((await get(`${off.url}/metrics`)).status).toBe(404);
});

it("shows who answers behind a fallback", async () => {
  const api = await FakeApi.start();
  const remote = await ApiBackend.connect({ baseUrl: api.url, model: "model", dimensions, maxRetries: 0 });
  const both: EmbeddingBackend = await apiWithLocalFallback(remote, localBackend());
  const { url } = await startServer({ models: { both } });
  afterAll(() => both.dispose());
  const state = async () => parseMetrics((await get(`${url}/metrics`)).text);
  expect((await state()).get('candle_embed_fallback_active{model="both"}')).toBe(0);
  api.fault = answerWith(503, {});
  expect((await post(`${url}/v1/embeddings`, { input: "a" })).status).toBe(200);
  const samples = await state();
  expect(samples.get('candle_embed_fallback_active{model="both"}')).toBe(1);
  expect(samples.get('candle_embed_answered_texts{backend="native",model="both"}')).toBe(1);
});

it("writes a record for every request at the level debug, and for faults of its own at info", async () => {
  const backend = new FakeBackend();
  for (const [logLevel, expected] of [
    ["debug", [200, 400, 500]],
    ["info", [500]],
  ] as const) {
    const records: LogRecord[] = [];
    backend.work = () => Promise.resolve();
    const { url } = await startServer({
      models: { fake: backend },
      log: (record) => records.push(record),
      logLevel,
    });
    const { headers } = await post(`${url}/v1/embeddings`, { input: "text" });
    await post(`${url}/v1/embeddings`, {});
    backend.work = () => Promise.reject(new Error("broken"));
    await post(`${url}/v1/embeddings`, { input: "text" });
    const requests = records.filter(({ event }) => event === "request");
    expect(requests.map(({ status }) => status)).toEqual(expected);
    expect(records.map(({ event }) => event)).toEqual(expect.arrayContaining(["model_ready", "listening"]));
    expect(requests.at(-1)).toMatchObject({ level: "error", fault: "Error", message: "broken" });
    if (logLevel === "debug") {
      expect(requests[0]).toMatchObject({
        request_id: headers.get("x-request-id"),
        method: "POST",
        path: "/v1/embeddings",
        model: "fake",
        inputs: 1,
        tokens: 4,
      });
    }
  }
});

it("goes on when its log fails", async () => {
  const log = (): never => {
    throw new Error("disk full");
  };
  const { url } = await startServer({ models: { fake: new FakeBackend() }, log, logLevel: "debug" });
  expect((await post(`${url}/v1/embeddings`, { input: "a" })).status).toBe(200);
});

it("makes spans below the caller's, where an OpenTelemetry SDK listens", async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  trace.setGlobalTracerProvider(provider);
  afterAll(() => {
    trace.disable();
  });
  const { url } = await startServer({ models: { fake: new FakeBackend() } });
  await post(`${url}/v1/embeddings`, { input: ["ab", "cd"] });
  const [span] = exporter.getFinishedSpans();
  expect(span?.name).toBe("POST /v1/embeddings");
  expect(span?.attributes).toMatchObject({
    "http.request.method": "POST",
    "http.route": "/v1/embeddings",
    "http.response.status_code": 200,
    "gen_ai.operation.name": "embeddings",
    "gen_ai.request.model": "fake",
    "gen_ai.usage.input_tokens": 4,
  });
});
