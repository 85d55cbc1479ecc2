import { header, megabytes, notes, number, origin, percent, table, write } from "../lib/report.mjs";
import { processState } from "./machine-state.mjs";
import { candleEmbed } from "./servers.mjs";
import { bodiesFile } from "./setup.mjs";
import { versionsOf, withServers } from "./suite.mjs";

/** More than the server lets wait: otherwise the generator would hold back what should be refused. */
const CONNECTIONS = 2000;

/** In milliseconds. */
const MAX_WAIT = 20;

/** As it is by default, with a queue for bursts; and refusing at once what would have to wait. */
const definitions = [
  candleEmbed("int8"),
  {
    ...candleEmbed("int8", ["--max-wait", String(MAX_WAIT)]),
    name: `candle-embed-int8 --max-wait ${MAX_WAIT}`,
  },
];

/** What happens at three times the rate that a server can bear: who is refused, who is answered, and how late. */
export async function overload(options) {
  const seconds = options.quick ? 2 : (options.seconds ?? 30);
  await withServers(definitions, options, async ({ servers, missing, names, texts, generator }) => {
    const results = [];
    let capacity;
    for (const server of servers) {
      const bodies = bodiesFile(texts, { perRequest: 1, model: names[server.name], format: "base64" });
      const saturate = () =>
        generator.load(server, bodies, { connections: 64, seconds: Math.min(4, seconds) });
      await saturate();
      const full = await saturate();
      // Of the first: one that refuses what would wait is not saturated by clients that send back to back.
      capacity ??= full.accepted.count / full.seconds;
      const rows = [];
      for (const share of [0.7, 3]) {
        const load = { connections: CONNECTIONS, seconds, rate: share * capacity, seed: 7 };
        rows.push({ share, ...(await watched(server, options, () => generator.load(server, bodies, load))) });
      }
      results.push({ server: server.name, rows });
    }
    const data = {
      ...header("server overload", options),
      seconds,
      connections: CONNECTIONS,
      missing,
      results,
    };
    const versions = versionsOf(servers, options.machine);
    write(
      options.out,
      "server-overload",
      data,
      report({ ...options, seconds, capacity }, results, notes(versions, missing)),
    );
  });
}

/** A load, and what it does to the server's process. */
async function watched(server, { machine }, load) {
  const before = processState(server.pid);
  const samples = [];
  const timer = setInterval(() => samples.push(processState(server.pid).rss), 500);
  const { sent, statuses, failures, unanswered, accepted, lag, seconds, cpuSeconds } = await load();
  clearInterval(timer);
  const after = processState(server.pid);
  return {
    ...{ sent, statuses, failures, unanswered, accepted, lag },
    generatorShare: cpuSeconds / (seconds * machine.cpus),
    serverShare: (after.cpuSeconds - before.cpuSeconds) / (seconds * machine.cpus),
    rss: [before.rss, Math.max(before.rss, ...samples, after.rss), after.rss],
  };
}

function report(options, results, footer) {
  const head = [
    ...["load", "requests due", "200", "429", "others", "answered/s", "p50 ms", "p99 ms", "max ms"],
    ...["RSS before / most / after, MB", "CPU of server / generator"],
  ];
  const sections = results.flatMap(({ server, rows }) => [
    `### ${server}`,
    table(
      head,
      rows.map((row) => [
        `${row.share} x capacity`,
        String(row.sent),
        String(row.statuses[200] ?? 0),
        String(row.statuses[429] ?? 0),
        others(row),
        number((row.statuses[200] ?? 0) / options.seconds),
        number(row.accepted.p50),
        number(row.accepted.p99),
        number(row.accepted.max),
        row.rss.map(megabytes).join(" / "),
        `${percent(row.serverShare)} / ${percent(row.generatorShare)}`,
      ]),
    ),
    `The p99 under overload is ${number(rows[1].accepted.p99 / rows[0].accepted.p99)} times that at 70 %.`,
  ]);
  return [
    `## Overload: one text a request, Poisson arrivals, ${options.seconds} s each`,
    origin(options.machine, { ...options, model: options.model.name }),
    ...sections,
    `Capacity: ${number(options.capacity)} requests/s, the rate with 64 connections that send back to back. Latencies count from when a request was due and are those of accepted requests.`,
    footer,
  ].join("\n\n");
}

function others({ statuses, failures, unanswered }) {
  const odd = Object.entries(statuses).filter(([status]) => status !== "200" && status !== "429");
  const all = [...odd, ...Object.entries({ ...failures, unanswered })].filter(([, count]) => count > 0);
  return all.map(([what, count]) => `${count} ${what}`).join(", ") || "0";
}
