import path from "node:path";

import type { FallbackLogger } from "../../backends/fallback/fallback-options.js";
import { splitCommand } from "../../backends/split-command.js";
import { defaultModel } from "../../catalog.js";
import { CandleEmbedError } from "../../errors.js";
import { logLevels, type LogRecord } from "../../server/log.js";
import { metricsAccess, tokenIdModes } from "../../server/server-options.js";
import { UsageError, type Command, type Context } from "../command.js";
import { loadModel, modelOptions, modelOptionsHelp } from "../model-options.js";
import { parse, parseChoice, parseCount, parseFilled, parseWhole } from "../parse.js";

const help = `Usage: candle-embed serve [options]

Serves OpenAI's API of embeddings, for any client of it: POST /v1/embeddings, GET /v1/models; beside it /health, /ready,
/metrics (Prometheus), /info, POST /tokenize and /similarity. Ends with SIGTERM or Ctrl-C when all requests that came
are answered; a second signal ends it at once.

Options:
      --host HOST          address to listen on (default: 127.0.0.1, which only this machine can reach)
      --port PORT          port to listen on, 0 for any that is free (default: 8080)
  -m, --model [NAME=]MODEL a name ("candle-embed models" lists them), a hub id (org/name) or a folder (default: the
                           all-MiniLM-L6-v2 that is installed); NAME is what clients call it. May be repeated to
                           serve several; the first answers requests that name none
      --alias ALIAS[=NAME] a further name, for clients that know only their own (text-embedding-3-small); may be
                           repeated
      --api-key-file FILE  a file with a key a line; requests must carry one of them. Keys are taken from the
                           variable CANDLE_EMBED_API_KEYS too (between spaces), and from what a program prints:
      --api-key-command COMMAND
                           a program with arguments, run without a shell
      --allow-unauthenticated
                           listen on an address that others can reach without a key
      --allowed-host NAME  a name under which clients reach the server; may be repeated. Without keys only addresses
                           and localhost are answered
      --cors-origin ORIGIN web pages of this origin may call the server ("*": all); may be repeated
      --cut-without-matryoshka
                           cut to the "dimensions" of a request also where the model was not trained for it
      --metrics ACCESS     who may read /metrics: key (default), public or off
      --token-ids HOW      how tokens in place of texts are read: auto (default), model, cl100k (what LangChain for
                           Python sends) or reject
      --max-queue N        requests that may wait; more get 429 (default: 512)
      --max-wait MS        answer 429 rather than let a request wait for longer than about so many milliseconds
      --max-inputs N       texts in a request (default: 2048)
      --max-body-bytes N   size of a request (default: 8000000)
      --request-timeout MS give a request up after so long (default: 300000)
      --batch-tokens N     tokens that are computed together (default: 2048)
      --drain-delay MS     after SIGTERM, go on for so long while /ready says no (default: 0)
      --drain-deadline MS  then answer what has come for at most so long (default: 10000)
      --log-level LEVEL    debug (every request), info (default), warn or error
      --json               write the log as JSON
${modelOptionsHelp.slice(modelOptionsHelp.indexOf("      --device"))}

Examples:
  candle-embed serve
  candle-embed serve --model bge-small-en-v1.5 --alias text-embedding-3-small --port 9000
  candle-embed serve --model small=all-MiniLM-L6-v2 --model large=./models/my-model
  candle-embed serve --host 0.0.0.0 --api-key-file /run/secrets/keys --json
  curl http://127.0.0.1:8080/v1/embeddings -H 'content-type: application/json' -d '{"input": "a text"}'`;

const options = {
  ...modelOptions,
  model: { ...modelOptions.model, multiple: true },
  host: { type: "string" },
  port: { type: "string" },
  alias: { type: "string", multiple: true },
  "api-key-file": { type: "string" },
  "api-key-command": { type: "string" },
  "allow-unauthenticated": { type: "boolean" },
  "allowed-host": { type: "string", multiple: true },
  "cors-origin": { type: "string", multiple: true },
  "cut-without-matryoshka": { type: "boolean" },
  metrics: { type: "string" },
  "token-ids": { type: "string" },
  "max-queue": { type: "string" },
  "max-wait": { type: "string" },
  "max-inputs": { type: "string" },
  "max-body-bytes": { type: "string" },
  "request-timeout": { type: "string" },
  "batch-tokens": { type: "string" },
  "drain-delay": { type: "string" },
  "drain-deadline": { type: "string" },
  "log-level": { type: "string" },
  json: { type: "boolean" },
} as const;

/** `candle-embed serve` */
export const serve: Command = {
  help,
  options,
  run,
  endsWithSignal: true,
};

async function run(args: readonly string[], context: Context): Promise<void> {
  const { stderr, signal } = context;
  const { values, positionals } = parse(args, options);
  if (positionals.length > 0) throw new UsageError("serve takes no arguments; models are --model MODEL");
  const models = nameModels(values.model);
  const [firstName] = models.keys() as Iterable<string> as [string];
  const aliases = Object.fromEntries((values.alias ?? []).map((alias) => splitAlias(alias, firstName)));
  for (const [alias, name] of Object.entries(aliases)) {
    if (models.has(alias)) throw new UsageError(`--alias ${alias} is the name of a model`);
    if (!models.has(name)) throw new UsageError(`--alias ${alias}=${name}: no model here is called ${name}`);
  }
  const command = parseFilled("api-key-command", values["api-key-command"]);
  const host = parseFilled("host", values.host) ?? "127.0.0.1";
  const port = parsePort(values.port);
  const delayMs = parseWhole("drain-delay", values["drain-delay"]) ?? 0;
  const deadlineMs = parseWhole("drain-deadline", values["drain-deadline"]);
  // A log that nobody reads any more is no reason to stop.
  stderr.on("error", () => undefined);
  const log = values.json === true ? jsonLog(stderr) : textLog(stderr);
  const listening = newDeferred();
  // Loaded when needed: no other command pays for it.
  const { createServer } = await import("../../server/create-server.js");
  const server = await createServer({
    models: Object.fromEntries(
      [...models].map(([name, model]) => [
        name,
        async () => {
          // A port that is taken is told before weights are read.
          await listening.promise;
          return loadModel({ ...values, model }, context, fallbackLogger(log));
        },
      ]),
    ),
    aliases,
    apiKeys: process.env["CANDLE_EMBED_API_KEYS"]?.split(/\s+/).filter((key) => key !== ""),
    apiKeyFile: parseFilled("api-key-file", values["api-key-file"]),
    apiKeyCommand: command === undefined ? undefined : splitCommand("--api-key-command", command),
    allowUnauthenticated: values["allow-unauthenticated"],
    allowedHosts: values["allowed-host"],
    corsOrigins: values["cors-origin"],
    cutWithoutMatryoshka: values["cut-without-matryoshka"],
    metrics: parseChoice("metrics", values.metrics, metricsAccess),
    tokenIds: parseChoice("token-ids", values["token-ids"], tokenIdModes),
    maxQueue: parseCount("max-queue", values["max-queue"]),
    maxWait: parseCount("max-wait", values["max-wait"]),
    maxInputs: parseCount("max-inputs", values["max-inputs"]),
    maxBodyBytes: parseCount("max-body-bytes", values["max-body-bytes"]),
    requestTimeout: parseCount("request-timeout", values["request-timeout"]),
    batchTokens: parseCount("batch-tokens", values["batch-tokens"]),
    logLevel: parseChoice("log-level", values["log-level"], logLevels),
    log,
  });
  try {
    await server.listen({ host, port });
    listening.resolve();
    await Promise.race([server.ready.then(() => aborted(signal)), aborted(signal)]);
  } finally {
    listening.reject(new CandleEmbedError("ABORTED", "the server was stopped"));
    await server.close({ delayMs: signal.aborted ? delayMs : 0, deadlineMs });
  }
}

/** The models by their names, in the order of the command line. */
function nameModels(
  models: readonly string[] = [process.env["EMBEDDING_MODEL"] ?? defaultModel],
): Map<string, string> {
  const named = new Map<string, string>();
  for (const each of models) {
    const [, given, rest = each] = /^([\w.:-]+)=(.+)$/.exec(each) ?? [];
    const name = given ?? nameOf(each);
    if (rest === "") throw new UsageError("--model must not be empty");
    if (named.has(name)) throw new UsageError(`two models are called ${name}: use --model NAME=MODEL`);
    named.set(name, rest);
  }
  return named;
}

/** A folder goes by its name, not by its place. */
function nameOf(model: string): string {
  return /^(?:[.~]{0,2}[/\\]|\.{1,2}$|[A-Za-z]:)/.test(model) ? path.basename(path.resolve(model)) : model;
}

function splitAlias(text: string, firstName: string): [string, string] {
  const at = text.indexOf("=");
  const [alias, name] = at === -1 ? [text, firstName] : [text.slice(0, at), text.slice(at + 1)];
  if (alias === "" || name === "") throw new UsageError("--alias must be ALIAS or ALIAS=NAME");
  return [alias, name];
}

function parsePort(value: string | undefined): number {
  const port = parseWhole("port", value) ?? 8080;
  if (port <= 65_535) return port;
  throw new UsageError(`--port must be at most 65535, not ${String(port)}`);
}

interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

function newDeferred(): Deferred {
  const settle: Partial<Omit<Deferred, "promise">> = {};
  const promise = new Promise<void>((resolve, reject) => Object.assign(settle, { resolve, reject }));
  return { promise, ...(settle as Omit<Deferred, "promise">) };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function jsonLog(stderr: NodeJS.WriteStream): (record: LogRecord) => void {
  return (record) => void stderr.write(`${JSON.stringify(record)}\n`);
}

/** For people: the time of day, and the fields as `name=value`. */
function textLog(stderr: NodeJS.WriteStream): (record: LogRecord) => void {
  return ({ time, level, event, ...fields }) => {
    const shown = Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
    );
    stderr.write(`${[time.slice(11, 23), level.padEnd(5), event, ...shown].join(" ")}\n`);
  };
}

/** What a fallback has to say, as records of the log. */
function fallbackLogger(log: (record: LogRecord) => void): FallbackLogger {
  const write = (level: "info" | "warn") => (message: string) => {
    log({ time: new Date().toISOString(), level, event: "fallback", message });
  };
  return { info: write("info"), warn: write("warn") };
}
