import { header, notes, number, origin, table, write } from "../lib/report.mjs";
import { RunningEngine } from "../lib/engine.mjs";
import { median, quantile } from "../lib/stats.mjs";
import { engines } from "../engines/index.mjs";
import { nothing, servers as all } from "./servers.mjs";
import { bodiesFile } from "./setup.mjs";
import { versionsOf, withServers } from "./suite.mjs";

const PAUSE_MS = 5;

/** One short text a request, a request at a time, each after a rest: what the way through the server adds. */
export async function idle(options) {
  const rounds = options.rounds ?? (options.quick ? 1 : 5);
  const calls = options.quick ? 30 : 300;
  const ours = all.filter(({ name }) => name.startsWith("candle-embed") && options.wanted(name));
  await withServers(
    [...ours, nothing],
    options,
    async ({ servers, missing, names, texts, workload, generator }) => {
      const mean = Math.round(workload.tokens / texts.length);
      const text = workload.lengths.indexOf(mean);
      const rows = [];
      for (const server of servers) {
        const definition = engines.find(({ name }) => name === server.name);
        const engine = definition === undefined ? undefined : await RunningEngine.start(definition, options);
        await engine?.give(workload);
        const bodies = bodiesFile([texts[text]], {
          perRequest: 1,
          model: names[server.name],
          format: "base64",
        });
        const row = { server: server.name, inProcess: [], overHttp: [], p95: [], added: [] };
        // As after a while in use: code that ran a few times only is interpreted.
        await generator.load(server, bodies, { connections: 16, seconds: options.quick ? 0.2 : 2 });
        await engine?.latency(workload, text, options.quick ? 30 : 2_000, 0, {});
        for (let round = -1; round < rounds; round++) {
          const own = (await engine?.latency(workload, text, calls, PAUSE_MS, {})) ?? [0];
          // Calls take about as long as the pause between them.
          const seconds = (calls * (PAUSE_MS + 2)) / 1000;
          const result = await generator.load(server, bodies, { connections: 1, seconds, pause: PAUSE_MS });
          if (round < 0) continue;
          row.inProcess.push(median(own));
          row.overHttp.push(result.accepted.p50);
          row.p95.push([quantile(own, 0.95), result.accepted.p95]);
          row.added.push(result.accepted.p50 - median(own));
        }
        await engine?.close();
        rows.push(row);
      }
      const data = { ...header("server idle", options), pause: PAUSE_MS, missing, tokens: mean, rows };
      const body = [
        `## Servers at rest: one text of ${mean} tokens a request, ${PAUSE_MS} ms after the last answer`,
        origin(options.machine, { ...options, model: options.model.name }),
        table(
          ["server", "in a process, p50 ms", "over HTTP, p50 ms", "added, ms (by rounds)"],
          rows.map((row) => [
            row.server,
            row.server === nothing.name ? "-" : number(median(row.inProcess)),
            number(median(row.overHttp)),
            `${number(median(row.added))} (${row.added.map(number).join(", ")})`,
          ]),
        ),
        `"${nothing.name}" is ${nothing.label}: the generator's client, the loopback and node:http by themselves.`,
        notes(versionsOf(servers, options.machine), missing),
      ].join("\n\n");
      write(options.out, "server-idle", data, body);
    },
  );
}
