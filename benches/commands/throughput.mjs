import { calibrate, startAll } from "../lib/engine.mjs";
import { ceilingSeconds, operations } from "../lib/operations.mjs";
import { cpuTicks, PeakProbe } from "../lib/peak.mjs";
import { header, notes, number, origin, percent, table, write } from "../lib/report.mjs";
import { median, summary } from "../lib/stats.mjs";
import { evenly, prepare, readTexts } from "../lib/workloads.mjs";

const SAMPLES = 64;
/** A round whose probes differ by more was disturbed. */
const DRIFT = 0.03;
const REFERENCE = "onnxruntime-f32";
const DYNAMIC = ["onnxruntime-int8-tensor", "onnxruntime-int8-channel"];

/**
 * Texts a second of whole files: rounds A B C A B C, every engine's process alive all the time.
 *
 * @param {object} options see run.mjs
 */
export async function throughput(options) {
  const { definitions, model, threads, limit, quick } = options;
  const names = options.workloads ?? ["short", "mixed", "long"];
  const rounds = options.rounds ?? (quick ? 2 : 5);
  const slowRounds = quick ? 1 : options.slowRounds;

  const workloads = names.map((name) => {
    const all = readTexts(options.data, name);
    const texts = quick ? evenly(all, name === "short" ? 256 : 64) : all;
    const workload = prepare(name, texts, { model, limit, samples: quick ? 16 : SAMPLES });
    // Enough for some batches of every size.
    const wanted = Math.max(128, Math.round((24_000 / workload.tokens) * texts.length));
    const part = evenly(texts, quick ? 64 : wanted);
    return { workload, part: prepare(`${name}-part`, part, { model, limit, samples: 8 }) };
  });

  const { running, missing } = await startAll(definitions, { model, threads, limit });
  const probe = new PeakProbe(quick);
  try {
    const one = await probe.measure(1);
    const results = [];
    for (const { workload, part } of workloads) {
      results.push(await measure({ workload, part, running, probe, rounds, slowRounds, options }));
    }
    const versions = Object.fromEntries(running.map((engine) => [engine.name, engine.loaded.versions]));
    const data = {
      ...header("throughput", options),
      versions,
      missing,
      peakOneThread: one,
      workloads: results,
    };
    write(options.out, `throughput-${model.name}`, data, markdown(data, options));
  } finally {
    await Promise.all([...running, probe].map((child) => child.close()));
  }
}

async function measure({ workload, part, running, probe, rounds, slowRounds, options }) {
  const { model, threads } = options;
  console.error(`- ${workload.name}: ${workload.lengths.length} texts, ${workload.tokens} tokens`);
  const settings = {};
  const calibrations = {};
  const excluded = {};
  for (const engine of running) {
    try {
      await engine.give(workload);
      await engine.give(part);
      const candidates = engine.definition.settings(model);
      const { settings: best, tried } = await calibrate(engine, part, candidates);
      settings[engine.name] = best;
      calibrations[engine.name] = tried;
      // A warm-up, and the check before anything is timed.
      const { wrong } = await engine.embed(part, best);
      if (wrong !== undefined) throw new Error(wrong);
    } catch (error) {
      excluded[engine.name] = error.message;
      console.error(`- ${engine.name} does not count: ${error.message}`);
    }
  }

  const work = operations(model.shape, workload.lengths);
  /** @type {{ round: number, steal: number | undefined, drift: number, engines: Record<string, object> }[]} */
  const measured = [];
  for (let round = 0; round < rounds; round++) {
    const before = cpuTicks();
    const taking = running.filter(
      ({ name, definition }) => excluded[name] === undefined && (!definition.slow || round < slowRounds),
    );
    // Another engine begins every round; neighbours stay neighbours.
    const order = taking.map((_, i) => taking[(i + round) % taking.length]);
    const engines = {};
    const peaks = [];
    for (const engine of order) {
      const { ours, dtype } = engine.definition;
      const peakBefore = ours ? await probe.measure(threads) : undefined;
      const { wrong, ...result } = await engine.embed(workload, settings[engine.name]);
      if (wrong !== undefined) {
        excluded[engine.name] = wrong;
        console.error(`- ${engine.name} does not count: ${wrong}`);
        continue;
      }
      engines[engine.name] = result;
      if (ours) {
        const peakAfter = await probe.measure(threads);
        peaks.push(peakBefore, peakAfter);
        // The higher of the two: what the machine could do is what it did.
        const peak = {
          f32: Math.max(peakBefore.f32, peakAfter.f32),
          int8: Math.max(peakBefore.int8, peakAfter.int8),
        };
        Object.assign(result, {
          peakBefore,
          peakAfter,
          share: ceilingSeconds(work, peak, dtype) / result.seconds,
        });
      }
    }
    const after = cpuTicks();
    const steal = before && after ? (after.steal - before.steal) / (after.all - before.all) : undefined;
    const f32 = peaks.map((peak) => peak.f32);
    const drift = f32.length === 0 ? 0 : Math.max(...f32) / Math.min(...f32) - 1;
    measured.push({ round, steal, drift, engines });
    console.error(
      `  round ${round + 1}/${rounds}: ` +
        Object.entries(engines)
          .map(([name, { seconds }]) => `${name} ${number(workload.lengths.length / seconds)}/s`)
          .join(", ") +
        (drift > DRIFT ? ` (disturbed: the peak moved by ${percent(drift)})` : ""),
    );
  }

  const calm = measured.filter((round) => round.drift <= DRIFT);
  // Too few calm rounds: all of them, and the table says so.
  const used = calm.length * 2 >= measured.length ? calm : measured;
  return {
    name: workload.name,
    texts: workload.lengths.length,
    tokens: workload.tokens,
    operations: work,
    settings,
    calibrations,
    excluded,
    roundsUsed: used.map(({ round }) => round),
    disturbed: measured.length - calm.length,
    rounds: measured,
    engines: summarize(workload, used, running, excluded),
  };
}

function summarize(workload, rounds, running, excluded) {
  const rows = {};
  for (const { name } of running) {
    const own = rounds.filter(({ engines }) => engines[name] !== undefined);
    if (excluded[name] !== undefined || own.length === 0) continue;
    const seconds = own.map(({ engines }) => engines[name].seconds);
    /** Against another engine, round by round. */
    const ratio = (other) => {
      const both = own.filter(({ engines }) => engines[other] !== undefined);
      if (both.length === 0) return undefined;
      return summary(both.map(({ engines }) => engines[other].seconds / engines[name].seconds));
    };
    const shares = own.map(({ engines }) => engines[name].share).filter((share) => share !== undefined);
    const dynamic = DYNAMIC.map(ratio).filter((value) => value !== undefined);
    rows[name] = {
      textsPerSecond: summary(seconds.map((value) => workload.lengths.length / value)),
      tokensPerSecond: summary(seconds.map((value) => workload.tokens / value)),
      ratioToOnnxruntimeFloat32: ratio(REFERENCE),
      // To the faster of the two: the smaller ratio.
      ratioToOnnxruntimeDynamicInt8: dynamic.sort((a, b) => a.median - b.median)[0],
      cosine: own[0].engines[name].cosine,
      ...(shares.length > 0 && { share: summary(shares) }),
    };
  }
  return rows;
}

function markdown(data, options) {
  const parts = [`## Throughput`, origin(data.machine, { ...options, model: data.model })];
  for (const workload of data.workloads) {
    const peaks = workload.rounds.flatMap(({ engines }) =>
      Object.values(engines).flatMap(({ peakBefore, peakAfter }) => [peakBefore, peakAfter]),
    );
    const known = peaks.filter((peak) => peak !== undefined);
    const mean = (workload.tokens / workload.texts).toFixed(1);
    parts.push(
      `### ${workload.name}: ${workload.texts} texts, ${mean} tokens each in the mean`,
      table(
        [
          "engine",
          "texts/s (min-max)",
          "tokens/s",
          "x onnxruntime f32",
          "x its dynamic int8",
          "share of the ceiling",
          "cosine mean (min)",
          "setting",
        ],
        Object.entries(workload.engines)
          .sort(([, a], [, b]) => b.textsPerSecond.median - a.textsPerSecond.median)
          .map(([name, row]) => [
            name,
            `${number(row.textsPerSecond.median)} (${number(row.textsPerSecond.min)}-${number(row.textsPerSecond.max)})`,
            number(row.tokensPerSecond.median),
            number(row.ratioToOnnxruntimeFloat32?.median),
            number(row.ratioToOnnxruntimeDynamicInt8?.median),
            percent(row.share?.median),
            `${row.cosine.mean.toFixed(5)} (${row.cosine.min.toFixed(5)})`,
            describeSettings(workload.settings[name]),
          ]),
      ),
      `Rounds: ${workload.roundsUsed.length} of ${workload.rounds.length} (${workload.disturbed} disturbed). ` +
        (known.length === 0
          ? ""
          : `Peak with ${data.threads} threads: f32 ${number(median(known.map((peak) => peak.f32)) / 1e9)} GFLOP/s, ` +
            `int8 ${number(median(known.map((peak) => peak.int8)) / 1e9)} GOP/s (${known[0].isa}).`),
      ...Object.entries(workload.excluded).map(([name, reason]) => `${name} does not count: ${reason}.`),
    );
  }
  const { f32, int8 } = data.peakOneThread;
  parts.push(`Peak of one thread: f32 ${number(f32 / 1e9)} GFLOP/s, int8 ${number(int8 / 1e9)} GOP/s.`);
  parts.push(notes(data.versions, data.missing));
  return parts.join("\n\n");
}

function describeSettings({ graph, batch }) {
  return (
    [graph?.replace(/^.*\/|\.onnx$/g, ""), batch && `batch ${batch}`].filter(Boolean).join(", ") || "default"
  );
}
