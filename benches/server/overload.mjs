import { header, megabytes, notes, number, origin, percent, table, write } from "../lib/report.mjs";
import { processState } from "./machine-state.mjs";
import { candleEmbed } from "./servers.mjs";
import { bodiesFile } from "./setup.mjs";
import { versionsOf, withServers } from "./suite.mjs";

/** More than the server lets wait: otherwise the generator would hold back what should be refused. */
const CONNECTIONS = 2000;

const definitions = [candleEmbed("int8")];

/** Seconds until an overload is known as one, and the queue of its beginning is worked off. */
const SETTLE = 3;

/** What happens at three times the rate that a server can bear: who is refused, who is answered, and how late. */
export async function overload(options) {
  const seconds = options.quick ? 2 : (options.seconds ?? 30);
  await withServers(definitions, options, async ({ servers, missing, names, texts, generator }) => {
    const results = [];
    for (const server of servers) {
      const bodies = bodiesFile(texts, { perRequest: 1, model: names[server.name], format: "base64" });
      const saturate = () =>
        generator.load(server, bodies, { connections: 64, seconds: Math.min(4, seconds) });
      await saturate();
      const full = await saturate();
      const capacity = full.accepted.count / full.seconds;
      const rows = [];
      for (const share of [0.7, 3]) {
        const load = {
          connections: CONNECTIONS,
          seconds: SETTLE + seconds,
          settle: SETTLE,
          rate: share * capacity,
          seed: 7,
        };
        rows.push({ share, ...(await watched(server, options, () => generator.load(server, bodies, load))) });
      }
      results.push({ server: server.name, capacity, rows });
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
      report({ ...options, seconds }, results, notes(versions, missing)),
    );
  });
}

/** A load, and what it does to the server's process. */
async function watched(server, { machine }, load) {
  const before = processState(server.pid);
  const samples = [];
  const timer = setInterval(() => samples.push(processState(server.pid).rss), 500);
  const { sent, statuses, failures, unanswered, accepted, settled, lag, seconds, cpuSeconds } = await load();
  clearInterval(timer);
  const after = processState(server.pid);
  return {
    ...{ sent, statuses, failures, unanswered, accepted, settled, lag },
    generatorShare: cpuSeconds / (seconds * machine.cpus),
    serverShare: (after.cpuSeconds - before.cpuSeconds) / (seconds * machine.cpus),
    rss: [before.rss, Math.max(before.rss, ...samples, after.rss), after.rss],
  };
}

function report(options, results, footer) {
  const head = [
    ...[
      "load",
      "requests due",
      "200",
      "429",
      "others",
      "answered/s",
      "p50 ms",
      "p99 ms",
      "max ms",
      `p99 ms of the first ${SETTLE} s too`,
    ],
    ...["RSS before / most / after, MB", "CPU of server / generator"],
  ];
  const sections = results.flatMap(({ server, capacity, rows }) => [
    `### ${server}: ${number(capacity)} requests/s with 64 connections that send back to back`,
    table(
      head,
      rows.map((row) => [
        `${row.share} x capacity`,
        String(row.sent),
        String(row.statuses[200] ?? 0),
        String(row.statuses[429] ?? 0),
        others(row),
        number(row.settled.count / options.seconds),
        number(row.settled.p50),
        number(row.settled.p99),
        number(row.settled.max),
        number(row.accepted.p99),
        row.rss.map(megabytes).join(" / "),
        `${percent(row.serverShare)} / ${percent(row.generatorShare)}`,
      ]),
    ),
    `The p99 under overload is ${number(rows[1].settled.p99 / rows[0].settled.p99)} times that at 70 %.`,
  ]);
  return [
    `## Overload: one text a request, Poisson arrivals, ${options.seconds} s each`,
    origin(options.machine, { ...options, model: options.model.name }),
    ...sections,
    `Latencies count from when a request was due and are those of accepted requests; the first ${SETTLE} s, in which a queue for bursts fills and is worked off, are left out except where they are named.`,
    footer,
  ].join("\n\n");
}

function others({ statuses, failures, unanswered }) {
  const odd = Object.entries(statuses).filter(([status]) => status !== "200" && status !== "429");
  const all = [...odd, ...Object.entries({ ...failures, unanswered })].filter(([, count]) => count > 0);
  return all.map(([what, count]) => `${count} ${what}`).join(", ") || "0";
}
