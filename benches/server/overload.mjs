import { header, megabytes, notes, number, origin, percent, table, write } from "../lib/report.mjs";
import { processState } from "./machine-state.mjs";
import { candleEmbed } from "./servers.mjs";
import { bodiesFile } from "./setup.mjs";
import { complaint, versionsOf, withServers } from "./suite.mjs";

const CONNECTIONS = 512;

/** What happens at three times the rate that a server can bear: who is refused, who is answered, and how late. */
export async function overload(options) {
  const seconds = options.quick ? 2 : (options.seconds ?? 30);
  await withServers(
    [candleEmbed("int8")],
    options,
    async ({ servers: [server], missing, names, texts, generator }) => {
      if (server === undefined) throw new Error(Object.values(missing)[0]);
      const bodies = bodiesFile(texts, { perRequest: 1, model: names[server.name], format: "base64" });
      const saturate = () =>
        generator.load(server, bodies, { connections: 64, seconds: Math.min(5, seconds) });
      await saturate();
      const full = await saturate();
      const capacity = full.accepted.count / full.seconds;
      const rows = [];
      for (const share of [0.7, 3, 0.7]) {
        const before = processState(server.pid);
        const samples = [];
        const timer = setInterval(() => samples.push(processState(server.pid).rss), 500);
        const load = { connections: CONNECTIONS, seconds, rate: share * capacity, seed: 7 };
        const result = await generator.load(server, bodies, load);
        clearInterval(timer);
        const after = processState(server.pid);
        rows.push({
          share,
          rate: share * capacity,
          sent: result.sent,
          statuses: result.statuses,
          failures: result.failures,
          unanswered: result.unanswered,
          accepted: result.accepted,
          lag: result.lag,
          generatorShare: result.cpuSeconds / (result.seconds * options.machine.cpus),
          serverShare: (after.cpuSeconds - before.cpuSeconds) / (result.seconds * options.machine.cpus),
          rss: [before.rss, Math.max(before.rss, ...samples, after.rss), after.rss],
          complaint: complaint({ ...result, statuses: { ...result.statuses, 429: 0 } }),
        });
      }
      const data = {
        ...header("server overload", options),
        seconds,
        connections: CONNECTIONS,
        capacity,
        rows,
      };
      const body = [
        `## Overload: one text a request, Poisson arrivals, ${seconds} s each`,
        origin(options.machine, { ...options, model: options.model.name }),
        table(
          [
            "load",
            "requests/s due",
            "200",
            "429",
            "others",
            "answered/s",
            "p50 ms",
            "p99 ms",
            "max ms",
            "RSS before / most / after, MB",
            "CPU of server / generator",
          ],
          rows.map((row) => [
            `${row.share} x capacity`,
            number(row.rate),
            String(row.statuses[200] ?? 0),
            String(row.statuses[429] ?? 0),
            others(row),
            number((row.statuses[200] ?? 0) / seconds),
            number(row.accepted.p50),
            number(row.accepted.p99),
            number(row.accepted.max),
            row.rss.map(megabytes).join(" / "),
            `${percent(row.serverShare)} / ${percent(row.generatorShare)}`,
          ]),
        ),
        `Capacity: ${number(capacity)} requests/s, with 64 connections that send back to back. Latencies count from when a request was due and are those of accepted requests. The p99 under overload is ${number(rows[1].accepted.p99 / rows[0].accepted.p99)} times that at 70 %.`,
        notes(versionsOf([server], options.machine), missing),
      ].join("\n\n");
      write(options.out, "server-overload", data, body);
    },
  );
}

function others({ statuses, failures, unanswered }) {
  const odd = Object.entries(statuses).filter(([status]) => status !== "200" && status !== "429");
  const all = [...odd, ...Object.entries({ ...failures, unanswered })].filter(([, count]) => count > 0);
  return all.map(([what, count]) => `${count} ${what}`).join(", ") || "0";
}
