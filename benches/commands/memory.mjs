import { calibrate, calibrated, partsOf } from "../lib/calibrate.mjs";
import { RunningEngine } from "../lib/engine.mjs";
import { header, megabytes, notes, origin, table, write } from "../lib/report.mjs";
import { median } from "../lib/stats.mjs";
import { evenly, prepare, readTexts } from "../lib/workloads.mjs";

/**
 * Memory of a fresh process that loaded the model and embedded the mixed file once.
 *
 * @param {object} options see run.mjs
 */
export async function memory(options) {
  const { definitions, model, threads, limit, quick, machine, failures } = options;
  const rounds = options.rounds ?? (quick ? 1 : 3);
  const all = readTexts(options.data, "mixed");
  const workload = prepare("mixed", quick ? evenly(all, 64) : all, {
    model,
    limit,
    samples: quick ? 16 : 64,
  });
  const parts = partsOf("mixed", all, workload.tokens, { model, limit });

  const versions = {};
  const missing = {};
  const chosen = {};
  for (const definition of definitions) {
    let engine;
    try {
      const reason = failures.get(definition.name);
      if (reason !== undefined) throw new Error(reason);
      let choice = calibrated(definition.name, parts);
      if (choice === undefined) {
        // In a process of its own: what it tries leaves memory behind.
        engine = await RunningEngine.start(definition, { model, threads, limit });
        choice = await calibrate(engine, parts, model);
      }
      const { part, settings, seconds } = choice;
      const expected = (seconds / part.tokens) * workload.tokens;
      if (!definition.ours && expected > options.turn)
        throw new Error(`it would take ${Math.round(expected)} s, and --turn allows ${options.turn}`);
      chosen[definition.name] = settings;
    } catch (error) {
      missing[definition.name] = error.message.slice(0, 500);
      console.error(`- ${definition.name} takes no part: ${missing[definition.name]}`);
    } finally {
      await engine?.close();
    }
  }

  const figures = {};
  for (let round = 0; round < rounds; round++) {
    for (const definition of definitions) {
      const { name } = definition;
      if (chosen[name] === undefined || missing[name] !== undefined) continue;
      const settings = chosen[name];
      const engine = await RunningEngine.start(definition, { model, threads, limit, settings });
      try {
        versions[name] = engine.loaded.versions;
        const loaded = await engine.memory();
        await engine.give(workload);
        const { wrong } = await engine.embed(workload, settings);
        if (wrong !== undefined) throw new Error(wrong);
        const end = await engine.memory();
        (figures[name] ??= []).push({ loaded: loaded.rss, rss: end.rss, peak: end.peak });
        console.error(`  ${name}: ${megabytes(end.rss)} MB, highest ${megabytes(end.peak)} MB`);
      } catch (error) {
        missing[name] = error.message;
      } finally {
        await engine.close();
      }
    }
  }

  const rows = Object.entries(figures).map(([name, values]) => ({
    name,
    loaded: median(values.map(({ loaded }) => loaded)),
    rss: median(values.map(({ rss }) => rss)),
    peak: median(values.map(({ peak }) => peak)),
    settings: chosen[name],
  }));
  const data = {
    ...header("memory", options),
    versions,
    missing,
    engines: rows,
    rounds: figures,
  };
  const body = [
    "## Memory of the process (MB), at the end of mixed",
    origin(machine, { ...options, model: model.name }),
    table(
      ["engine", "resident", "highest", "after loading", "batch"],
      [...rows]
        .sort((a, b) => a.rss - b.rss)
        .map((row) => [
          row.name,
          megabytes(row.rss),
          megabytes(row.peak),
          megabytes(row.loaded),
          String(row.settings.batch ?? "-"),
        ]),
    ),
    notes(versions, missing),
  ].join("\n\n");
  write(options.out, `memory-${model.name}`, data, body);
}
