import { header, notes, number, origin, percent, table, write } from "../lib/report.mjs";
import { RunningEngine } from "../lib/engine.mjs";
import { median } from "../lib/stats.mjs";
import { evenly, prepare } from "../lib/workloads.mjs";
import { engines } from "../engines/index.mjs";
import { servers as all } from "./servers.mjs";
import { bodiesFile } from "./setup.mjs";
import { complaint, range, versionsOf, withServers } from "./suite.mjs";

/** Requests back to back on so many connections: enough that the server never waits. */
const loads = [
  { name: "single", perRequest: 1, connections: 64, title: "1 text a request, 64 connections" },
  { name: "batch", perRequest: 64, connections: 4, title: "64 texts a request, 4 connections" },
];
const formats = ["float", "base64"];

/** Texts of a call in a process: enough for full batches, few enough to stand right before and after a load. */
const PART = 640;

/** Texts a second at saturation, of every server, beside the rate of the same model in a process. */
export async function rates(options) {
  const seconds = options.quick ? 1 : (options.seconds ?? 6);
  const rounds = options.rounds ?? (options.quick ? 1 : 3);
  const definitions = all.filter(({ name }) => options.wanted(name));
  await withServers(definitions, options, async ({ servers, missing, names, cosines, texts, generator }) => {
    const part = evenly(texts, PART);
    const partWorkload = prepare("short", part, { model: options.model, limit: options.limit, samples: 16 });
    const inProcess = new Map();
    for (const name of ["candle-embed-int8", "candle-embed-f32"]) {
      if (!servers.some((server) => server.name === name)) continue;
      const engine = await RunningEngine.start(
        engines.find((each) => each.name === name),
        options,
      );
      await engine.give(partWorkload);
      inProcess.set(name, engine);
    }
    const alone = async (name) => {
      const engine = inProcess.get(name);
      return engine === undefined ? NaN : part.length / (await engine.embed(partWorkload, {})).seconds;
    };
    const kinds = servers.flatMap((server) =>
      loads.flatMap((load) =>
        (server.definition.base64 ? formats : ["float"]).map((format) => ({ server, load, format })),
      ),
    );
    const measured = kinds.map((kind) => ({
      ...kind,
      rates: [],
      own: [],
      generatorShare: [],
      p50: [],
      p99: [],
    }));
    const wrong = [];
    for (let round = -1; round < rounds; round++) {
      for (const i of measured.keys()) {
        const entry = measured[(i + Math.max(round, 0)) % measured.length];
        const { server, load, format } = entry;
        const bodies = bodiesFile(texts, { perRequest: load.perRequest, model: names[server.name], format });
        // The first round warms up.
        const time = round < 0 ? Math.min(1, seconds) : seconds;
        const before = await alone(server.name);
        const result = await generator.load(server, bodies, { connections: load.connections, seconds: time });
        const after = await alone(server.name);
        const reason = complaint(result);
        if (reason !== undefined) wrong.push(`${server.name}, ${load.name}: ${reason}`);
        if (round < 0) continue;
        entry.rates.push((result.accepted.count * load.perRequest) / result.seconds);
        entry.own.push((before + after) / 2);
        entry.generatorShare.push(result.cpuSeconds / (result.seconds * options.machine.cpus));
        entry.p50.push(result.accepted.p50);
        entry.p99.push(result.accepted.p99);
      }
    }
    for (const engine of inProcess.values()) await engine.close();
    const rows = measured.map(({ server, load, format, ...rest }) => ({
      server: server.name,
      load: load.name,
      format,
      ofInProcess: rest.rates.map((rate, round) => rate / rest.own[round]),
      ...rest,
    }));
    const data = {
      ...header("server rates", options),
      seconds,
      rounds,
      missing,
      wrong,
      cosines,
      rows,
    };
    const versions = versionsOf(servers, options.machine);
    write(options.out, "server-rates", { ...data, versions }, report(options, data, versions));
  });
}

function report(options, { rows, missing, wrong, cosines }, versions) {
  const sections = loads.map(({ name, title }) => {
    const own = rows.filter((row) => row.load === name);
    const rival = (row, of) =>
      of === undefined ? "-" : number(median(row.rates.map((rate, round) => of.rates[round] / rate)));
    const ours = (dtype) =>
      own.find((row) => row.server === `candle-embed-${dtype}` && row.format === "float");
    return [
      `### ${title}`,
      table(
        [
          "server",
          "answers",
          "texts/s (min-max)",
          "the model in a process",
          "share of that",
          "candle-embed int8 is x",
          "candle-embed f32 is x",
          "p50 ms",
          "p99 ms",
          "generator's share of the CPUs",
        ],
        [...own]
          .sort((a, b) => median(b.rates) - median(a.rates))
          .map((row) => [
            row.server,
            row.format,
            range(row.rates, number),
            number(median(row.own)),
            percent(median(row.ofInProcess)),
            rival(row, ours("int8")),
            rival(row, ours("f32")),
            number(median(row.p50)),
            number(median(row.p99)),
            percent(median(row.generatorShare)),
          ]),
      ),
    ].join("\n\n");
  });
  const least = Object.entries(cosines).map(([name, value]) => `${name} ${value.toFixed(5)}`);
  return [
    "## Servers: texts a second at saturation",
    origin(options.machine, { ...options, model: options.model.name }),
    ...sections,
    `Least cosine to the reference: ${least.join(", ")}.`,
    ...wrong.map((reason) => `**${reason}**`),
    notes(versions, missing),
  ].join("\n\n");
}
