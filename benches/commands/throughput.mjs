import { calibrate, partsOf } from "../lib/calibrate.mjs";
import { startAll } from "../lib/engine.mjs";
import { ceilingSeconds, operations } from "../lib/operations.mjs";
import { cpuTicks, PeakProbe } from "../lib/peak.mjs";
import { describeSettings, header, notes, number, origin, percent, table, write } from "../lib/report.mjs";
import { median, summary } from "../lib/stats.mjs";
import { evenly, prepare, readTexts } from "../lib/workloads.mjs";

const SAMPLES = 64;
/** A round whose probes differ by more was disturbed. */
const DRIFT = 0.03;
const DYNAMIC = ["onnxruntime-int8-tensor", "onnxruntime-int8-channel"];

/** The peer that ratios are taken to. */
export const reference = (model) => (model.name === "static" ? "model2vec-rs" : "onnxruntime-f32");

/**
 * Texts a second of whole files: rounds A B C A B C, every engine's process alive all the time. A record for each workload.
 *
 * @param {object} options see run.mjs
 */
export async function throughput(options) {
  const { definitions, model, limit, quick } = options;
  const names = options.workloads ?? ["short", "mixed", "long"];
  const rounds = options.rounds ?? (quick ? 2 : 5);
  const sets = names.map((name) => choose(name, options));
  const { running, missing } = await startAll(definitions, options);
  const probe = new PeakProbe(quick);
  try {
    const one = await probe.measure(1);
    for (const { workload, parts } of sets) {
      const result = await measure({ workload, parts, running, probe, rounds, options });
      const versions = Object.fromEntries(running.map((engine) => [engine.name, engine.loaded.versions]));
      const data = {
        ...header("throughput", options),
        versions,
        missing,
        reference: reference(model),
        peakOneThread: one,
        workload: result,
      };
      write(options.out, `throughput-${model.name}-${workload.name}`, data, markdown(data, options));
    }
  } finally {
    await Promise.all([...running, probe].map((child) => child.close()));
  }

  /** The texts of a workload, and parts of it. */
  function choose(name) {
    const all = readTexts(options.data, name);
    const whole = quick ? evenly(all, name === "short" ? 256 : 64) : all;
    let workload = prepare(name, whole, { model, limit, samples: quick ? 16 : SAMPLES });
    const parts = partsOf(name, whole, workload.tokens, { model, limit });
    if (options.tokens !== undefined && options.tokens < workload.tokens) {
      const count = Math.max(48, Math.round((options.tokens / workload.tokens) * whole.length));
      workload = prepare(name, evenly(whole, count), { model, limit, samples: SAMPLES });
    }
    return { workload, parts };
  }
}

async function measure({ workload, parts, running, probe, rounds, options }) {
  const { model, threads } = options;
  console.error(`- ${workload.name}: ${workload.lengths.length} texts, ${workload.tokens} tokens`);
  const calibrations = {};
  const excluded = {};
  /** What each engine embeds in its turns. */
  const given = {};
  for (const engine of running) {
    try {
      await engine.give(workload);
      const { part, ...calibration } = await calibrate(engine, parts, model);
      calibrations[engine.name] = calibration;
      const expected = (calibration.seconds / part.tokens) * workload.tokens;
      given[engine.name] = !engine.definition.ours && expected > options.turn ? part : workload;
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
    const taking = running.filter(({ name }) => excluded[name] === undefined);
    // Another engine begins every round; neighbours stay neighbours.
    const order = taking.map((_, i) => taking[(i + round) % taking.length]);
    const engines = {};
    const peaks = [];
    for (const engine of order) {
      const { ours, dtype } = engine.definition;
      const share = ours && model.shape.layers > 0;
      const peakBefore = share ? await probe.measure(threads) : undefined;
      const texts = given[engine.name];
      const { wrong, ...result } = await engine.embed(texts, calibrations[engine.name].settings);
      if (wrong !== undefined) {
        excluded[engine.name] = wrong;
        console.error(`- ${engine.name} does not count: ${wrong}`);
        continue;
      }
      engines[engine.name] = { ...result, tokensPerSecond: texts.tokens / result.seconds };
      if (share) {
        const peakAfter = await probe.measure(threads);
        peaks.push(peakBefore, peakAfter);
        // The higher of the two: what the machine could do is what it did.
        const peak = {
          f32: Math.max(peakBefore.f32, peakAfter.f32),
          int8: Math.max(peakBefore.int8, peakAfter.int8),
        };
        Object.assign(engines[engine.name], {
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
          .map(([name, { tokensPerSecond }]) => `${name} ${number(tokensPerSecond)}`)
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
    calibrations,
    excluded,
    partOnly: Object.fromEntries(
      Object.entries(given).flatMap(([name, texts]) =>
        texts === workload ? [] : [[name, texts.lengths.length]],
      ),
    ),
    roundsUsed: used.map(({ round }) => round),
    disturbed: measured.length - calm.length,
    rounds: measured,
    engines: summarize(workload, used, running, { excluded, calibrations, reference: reference(model) }),
  };
}

function summarize(workload, rounds, running, { excluded, calibrations, reference: peer }) {
  const rows = {};
  for (const { name, definition } of running) {
    const own = rounds.filter(({ engines }) => engines[name] !== undefined);
    if (excluded[name] !== undefined || own.length === 0) continue;
    const speeds = own.map(({ engines }) => engines[name].tokensPerSecond);
    /** Against another engine, round by round. */
    const ratio = (other) => {
      const both = own.filter(({ engines }) => engines[other] !== undefined);
      if (both.length === 0) return undefined;
      return summary(
        both.map(({ engines }) => engines[name].tokensPerSecond / engines[other].tokensPerSecond),
      );
    };
    const shares = own.map(({ engines }) => engines[name].share).filter((share) => share !== undefined);
    const dynamic = DYNAMIC.map(ratio).filter((value) => value !== undefined);
    const textsPerToken = workload.lengths.length / workload.tokens;
    rows[name] = {
      dtype: definition.dtype,
      from: definition.from,
      ours: definition.ours ?? false,
      textsPerSecond: summary(speeds.map((value) => value * textsPerToken)),
      tokensPerSecond: summary(speeds),
      ratioToReference: ratio(peer),
      // To the faster of the two: the smaller ratio.
      ratioToOnnxruntimeDynamicInt8: dynamic.sort((a, b) => a.median - b.median)[0],
      cosine: own[0].engines[name].cosine,
      settings: calibrations[name].settings,
      standard: calibrations[name].standard,
      ...(shares.length > 0 && { share: summary(shares) }),
    };
  }
  return rows;
}

function markdown(data, options) {
  const { workload, reference: peer } = data;
  const peaks = workload.rounds.flatMap(({ engines }) =>
    Object.values(engines).flatMap(({ peakBefore, peakAfter }) => [peakBefore, peakAfter]),
  );
  const known = peaks.filter((peak) => peak !== undefined);
  const mean = (workload.tokens / workload.texts).toFixed(1);
  const { f32, int8 } = data.peakOneThread;
  return [
    `## Throughput, ${workload.name}: ${workload.texts} texts, ${mean} tokens each in the mean`,
    origin(data.machine, { ...options, model: data.model }),
    table(
      [
        "engine",
        "texts/s (min-max)",
        "tokens/s",
        `x ${peer}`,
        "x its dynamic int8",
        "share of the ceiling",
        "cosine mean (min)",
        "setting",
        "its standard setting (speed)",
      ],
      Object.entries(workload.engines)
        .sort(([, a], [, b]) => b.textsPerSecond.median - a.textsPerSecond.median)
        .map(([name, row]) => [
          name,
          `${number(row.textsPerSecond.median)} (${number(row.textsPerSecond.min)}-${number(row.textsPerSecond.max)})`,
          number(row.tokensPerSecond.median),
          number(row.ratioToReference?.median),
          number(row.ratioToOnnxruntimeDynamicInt8?.median),
          percent(row.share?.median),
          `${row.cosine.mean.toFixed(5)} (${row.cosine.min.toFixed(5)})`,
          describeSettings(row.settings),
          row.ours ? "-" : `${describeSettings(row.standard.settings)} (${number(row.standard.speed)})`,
        ]),
    ),
    `Rounds: ${workload.roundsUsed.length} of ${workload.rounds.length} (${workload.disturbed} disturbed). ` +
      (known.length === 0
        ? ""
        : `Peak with ${data.threads} threads: f32 ${number(median(known.map((peak) => peak.f32)) / 1e9)} GFLOP/s, ` +
          `int8 ${number(median(known.map((peak) => peak.int8)) / 1e9)} GOP/s (${known[0].isa}). `) +
      `Peak of one thread: f32 ${number(f32 / 1e9)} GFLOP/s, int8 ${number(int8 / 1e9)} GOP/s. ` +
      "The standard setting's speed is its share of the speed of the setting used, on a part of the texts.",
    ...Object.entries(workload.partOnly).map(
      ([name, texts]) => `${name} embedded only ${texts} of the texts, evenly chosen.`,
    ),
    ...Object.entries(workload.excluded).map(([name, reason]) => `${name} does not count: ${reason}.`),
    notes(data.versions, data.missing),
  ].join("\n\n");
}
