import { startAll } from "../lib/engine.mjs";
import { header, notes, number, origin, table, write } from "../lib/report.mjs";
import { median, quantile } from "../lib/stats.mjs";
import { evenly, prepare, readTexts } from "../lib/workloads.mjs";
import { reference } from "./throughput.mjs";

const CALLS = 50;

/**
 * One text of the mean length of short.txt, call after call; engines take turns of 50 calls.
 *
 * @param {object} options see run.mjs
 */
export async function latency(options) {
  const { definitions, model, limit, quick, machine, pause } = options;
  const rounds = options.rounds ?? (quick ? 2 : 8);
  const calls = quick ? 20 : CALLS;
  const texts = evenly(readTexts(options.data, "short"), 256);
  const workload = prepare("short", texts, { model, limit, samples: 16 });
  const mean = Math.round(workload.tokens / texts.length);
  const text = workload.lengths.findIndex((tokens) => tokens >= mean && tokens <= mean + 1);
  if (text === -1) throw new Error("no text of the mean length");

  const { running, missing } = await startAll(definitions, options);
  const peer = reference(model);
  try {
    const settings = {};
    const times = {};
    for (const engine of [...running]) {
      try {
        await engine.give(workload);
        const standard = engine.definition.standard(model);
        const { wrong } = await engine.embed(workload, standard);
        if (wrong !== undefined) throw new Error(wrong);
        // Among graphs, the one that answers fastest; the batch size plays no part.
        const { choices } = engine.definition.settings(model);
        const graphs = choices.filter(({ graph }) => graph !== undefined);
        const tried = [];
        for (const choice of graphs.length === 0 ? [standard] : graphs.map((graph) => ({ ...standard, ...graph }))) {
          await engine.latency(workload, text, calls, 0, choice);
          tried.push({ choice, p50: median(await engine.latency(workload, text, calls, 0, choice)) });
        }
        settings[engine.name] = tried.sort((a, b) => a.p50 - b.p50)[0].choice;
        times[engine.name] = [];
      } catch (error) {
        missing[engine.name] = error.message;
        console.error(`- ${engine.name} does not count: ${error.message}`);
      }
    }
    const taking = running.filter(({ name }) => times[name] !== undefined);
    for (let round = 0; round < rounds; round++) {
      for (const i of taking.keys()) {
        const engine = taking[(i + round) % taking.length];
        // The other engines had the caches; a few calls bring this one's weights back.
        await engine.latency(workload, text, 10, 0, settings[engine.name]);
        times[engine.name].push(await engine.latency(workload, text, calls, pause, settings[engine.name]));
      }
    }
    const rows = taking.map(({ name }) => {
      const ratios = times[name].map((own, round) => median(own) / median(times[peer]?.[round] ?? []));
      const all = times[name].flat();
      return {
        name,
        p50: quantile(all, 0.5),
        p95: quantile(all, 0.95),
        min: Math.min(...all),
        calls: all.length,
        ratio: median(ratios),
        settings: settings[name],
      };
    });
    const versions = Object.fromEntries(running.map((engine) => [engine.name, engine.loaded.versions]));
    const data = {
      ...header("latency", options),
      pause,
      versions,
      missing,
      text: { text: texts[text], tokens: workload.lengths[text] },
      engines: rows,
      milliseconds: times,
    };
    const body = [
      `## Latency: one text of ${data.text.tokens} tokens a call`,
      origin(machine, { ...options, model: model.name }),
      table(
        ["engine", "p50 ms", "p95 ms", "fastest ms", `p50 / ${peer}`, "calls"],
        [...rows]
          .sort((a, b) => a.p50 - b.p50)
          .map((row) => [
            row.name,
            row.p50.toFixed(3),
            row.p95.toFixed(3),
            row.min.toFixed(3),
            number(row.ratio),
            String(row.calls),
          ]),
      ),
      pause > 0 ? `${pause} ms of rest before each call.` : "Calls follow one another without rest.",
      notes(versions, missing),
    ].join("\n\n");
    write(options.out, `latency-${model.name}${pause > 0 ? `-pause-${pause}` : ""}`, data, body);
  } finally {
    await Promise.all(running.map((engine) => engine.close()));
  }
}
