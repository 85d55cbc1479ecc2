import { header, megabytes, notes, number, origin, table, write } from "../lib/report.mjs";
import { processState, slope } from "./machine-state.mjs";
import { candleEmbed } from "./servers.mjs";
import { bodiesFile } from "./setup.mjs";
import { complaint, versionsOf, withServers } from "./suite.mjs";

const SAMPLE_MS = 5000;

/** Hours, or minutes, at 70 % load: what grows. */
export async function soak(options) {
  const seconds = options.quick ? 10 : 60 * options.minutes;
  await withServers(
    [candleEmbed("int8")],
    options,
    async ({ servers: [server], missing, names, texts, generator }) => {
      if (server === undefined) throw new Error(Object.values(missing)[0]);
      const bodies = bodiesFile(texts, { perRequest: 1, model: names[server.name], format: "base64" });
      const full = await generator.load(server, bodies, { connections: 64, seconds: options.quick ? 1 : 10 });
      const rate = (0.7 * full.accepted.count) / full.seconds;
      const samples = [];
      const start = performance.now();
      const look = () =>
        samples.push({ at: (performance.now() - start) / 1000, ...processState(server.pid) });
      look();
      const timer = setInterval(look, options.quick ? 500 : SAMPLE_MS);
      const slices = Math.max(4, Math.floor(seconds / 300));
      const result = await generator.load(server, bodies, { connections: 256, seconds, rate, slices });
      clearInterval(timer);
      look();
      // The first fifth fills pools and lets the optimising compiler finish.
      const settled = samples.slice(Math.floor(samples.length / 5));
      const rows = ["rss", "threads", "descriptors"].map((name) => {
        const values = settled.map((sample) => sample[name]);
        const points = settled.map((sample) => ({ at: sample.at / 3600, value: sample[name] }));
        return {
          name,
          first: values[0],
          least: Math.min(...values),
          most: Math.max(...values),
          perHour: slope(points),
        };
      });
      const format = (name, value) => (name === "rss" ? `${megabytes(value)} MB` : number(value));
      const data = { ...header("server soak", options), seconds, rate, result, rows, samples };
      const body = [
        `## Soak: ${number(seconds / 60)} minutes at ${number(rate)} requests/s, one text each`,
        origin(options.machine, { ...options, model: options.model.name }),
        table(
          ["of the server's process", "after a fifth of the time", "least", "most", "slope an hour"],
          rows.map(({ name, first, least, most, perHour }) => [
            name,
            ...[first, least, most, perHour].map((value) => format(name, value)),
          ]),
        ),
        `${result.accepted.count} answers with 200; otherwise: ${complaint(result) ?? "none"}. p99 by slices of the run: ${result.slices.map(({ p99 }) => number(p99)).join(", ")} ms.`,
        notes(versionsOf([server], options.machine), missing),
      ].join("\n\n");
      write(options.out, "server-soak", data, body);
    },
  );
}
