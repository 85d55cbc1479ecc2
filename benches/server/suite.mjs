// What a suite gets: the model, the texts, servers that run and give right answers.
import { median } from "../lib/stats.mjs";
import { prepare, readTexts } from "../lib/workloads.mjs";
import { RunningServer } from "./servers.mjs";
import { checkAnswers, Generator, modelName } from "./setup.mjs";

/** Runs `work` with what the suites need, and ends every process after it. */
export async function withServers(definitions, options, work) {
  const texts = readTexts(options.data, "short");
  const workload = prepare("short", texts, { model: options.model, limit: options.limit, samples: 64 });
  /** @type {RunningServer[]} */
  const running = [];
  const missing = {};
  const names = {};
  const cosines = {};
  const generator = new Generator();
  try {
    for (const definition of definitions) {
      try {
        const server = await RunningServer.start(definition, options);
        running.push(server);
        names[server.name] = await modelName(server);
        if (definition.minCosine >= 0) {
          cosines[server.name] = await checkAnswers(server, texts, workload, names[server.name]);
        }
      } catch (error) {
        missing[definition.name] = String(error.message).slice(0, 500);
        console.error(`- ${definition.name} takes no part: ${missing[definition.name]}`);
      }
    }
    const servers = running.filter(({ name }) => missing[name] === undefined);
    return await work({ servers, missing, names, cosines, texts, workload, generator });
  } finally {
    await generator.close();
    await Promise.all(running.map((server) => server.close()));
  }
}

/** Versions of what the servers are made of, by server. @param {readonly import("./servers.mjs").RunningServer[]} servers */
export function versionsOf(servers, { version }) {
  return Object.fromEntries(
    servers.map(({ name, definition }) => [name, definition.versions?.() ?? { "candle-embed": version }]),
  );
}

/** Median, lowest and highest as text. @param {readonly number[]} values @param {(value: number) => string} format */
export function range(values, format) {
  return `${format(median(values))} (${format(Math.min(...values))}-${format(Math.max(...values))})`;
}

/** What went wrong in a load whose answers should all have been 200; undefined where nothing did. */
export function complaint({ statuses, failures, unanswered }) {
  const others = Object.entries(statuses).filter(([status]) => status !== "200");
  const parts = others.map(([status, count]) => `${count} answers with ${status}`);
  for (const [kind, count] of Object.entries(failures))
    if (count > 0) parts.push(`${count} connections ${kind}`);
  if (unanswered > 0) parts.push(`${unanswered} without an answer`);
  return parts.length === 0 ? undefined : parts.join(", ");
}
