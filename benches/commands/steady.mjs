import { RunningEngine } from "../lib/engine.mjs";
import { header, megabytes, notes, origin, table, write } from "../lib/report.mjs";
import { slope } from "../lib/stats.mjs";
import { evenly, prepare, readTexts } from "../lib/workloads.mjs";

/**
 * Ten thousand calls of one text each: does memory grow, and how long does the event loop wait? JavaScript engines only.
 *
 * @param {object} options see run.mjs
 */
export async function steady(options) {
  const { model, limit, quick, machine, failures } = options;
  const calls = quick ? 200 : 10_000;
  const texts = evenly(readTexts(options.data, "short"), 256);
  const workload = prepare("short", texts, { model, limit, samples: 16 });
  const missing = {};
  const versions = {};
  const engines = [];
  for (const definition of options.definitions.filter(({ from }) => from === "JavaScript")) {
    const { name } = definition;
    let engine;
    try {
      const reason = failures.get(name);
      if (reason !== undefined) throw new Error(reason);
      engine = await RunningEngine.start(definition, options);
      versions[name] = engine.loaded.versions;
      await engine.give(workload);
      const settings = definition.standard(model);
      const { wrong } = await engine.embed(workload, settings);
      if (wrong !== undefined) throw new Error(wrong);
      const { samples, ...result } = await engine.steady(workload, calls, options.turn, settings);
      const [start, end] = [samples[0][1], samples.at(-1)[1]];
      engines.push({ name, ...result, start, end, slope: slope(samples) * 1000, samples });
      console.error(`  ${name}: ${result.calls} calls, ${megabytes(start)} to ${megabytes(end)} MB`);
    } catch (error) {
      missing[name] = error.message.slice(0, 500);
      console.error(`- ${name} takes no part: ${missing[name]}`);
    } finally {
      await engine?.close();
    }
  }
  const body = [
    `## ${calls} calls of one short text each`,
    origin(machine, { ...options, model: model.name }),
    table(
      ["engine", "calls", "MB after warm-up", "MB at the end", "KB per 1,000 calls", "event loop delay p99, ms", "highest, ms"],
      engines.map((row) => [
        row.name,
        String(row.calls),
        megabytes(row.start),
        megabytes(row.end),
        (row.slope / 1e3).toFixed(1),
        row.delay.p99.toFixed(2),
        row.delay.max.toFixed(1),
      ]),
    ),
    notes(versions, missing),
  ].join("\n\n");
  write(options.out, `steady-${model.name}`, { ...header("steady", options), versions, missing, engines }, body);
}
