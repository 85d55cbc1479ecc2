import { evenly, prepare } from "./workloads.mjs";

/** The parts of a workload on which settings are chosen: the first, unless an engine needs longer than `SECONDS` for it. */
const PARTS = [
  { texts: 24, tokens: 3_000 },
  { texts: 8, tokens: 600 },
];
const SECONDS = 2;

/** What was chosen in this run, so that no command chooses again. */
const chosen = new Map();
const keyOf = (name, [part]) => `${name} ${part.name} ${part.lengths.length}`;

/** What `calibrate` chose for an engine on these parts, if it did. */
export const calibrated = (name, parts) => chosen.get(keyOf(name, parts));

/**
 * What very slow engines embed instead of a whole workload, and all engines while their settings are chosen: from the larger
 * to the smaller.
 *
 * @param {string} name of the workload
 * @param {readonly string[]} texts
 * @param {number} tokens of all texts
 * @param {{ model: import("./models.mjs").Model, limit: number }} options
 */
export function partsOf(name, texts, tokens, { model, limit }) {
  return PARTS.map((part) => {
    const count = Math.max(part.texts, Math.round((part.tokens / tokens) * texts.length));
    return prepare(`${name}-${part.tokens}`, evenly(texts, count), { model, limit, samples: 8 });
  });
}

/**
 * The fastest of an engine's settings on a part of the workload, and how its standard setting compares: graphs at a batch
 * size in the middle, then sizes on both sides of it, the largest only where larger was better.
 *
 * @param {import("./engine.mjs").RunningEngine} engine
 * @param {import("./workloads.mjs").Workload[]} parts see `partsOf`
 * @param {import("./models.mjs").Model} model
 */
export async function calibrate(engine, parts, model) {
  const [large, small] = parts;
  await engine.give(small);
  const { seconds, wrong } = await engine.embed(small, engine.definition.standard(model));
  if (wrong !== undefined) throw new Error(wrong);
  // Some pad every text to the limit: texts count for them, tokens for the others.
  const times = Math.max(large.tokens / small.tokens, large.lengths.length / small.lengths.length);
  const part = seconds * times > SECONDS ? small : large;
  await engine.give(part);
  const choice = { part, ...(await search(engine, part, model)) };
  chosen.set(keyOf(engine.name, parts), choice);
  return choice;
}

async function search(engine, part, model) {
  const { definition } = engine;
  const standard = definition.standard(model);
  const { choices, batches } = definition.settings(model);
  /** @type {{ settings: object, seconds: number }[]} */
  const tried = [];
  const time = async (settings) => {
    const { seconds, wrong } = await engine.embed(part, settings);
    if (wrong !== undefined) throw new Error(wrong);
    tried.push({ settings, seconds });
    return seconds;
  };
  // What is timed first would pay for what is allocated once.
  const { wrong } = await engine.embed(part, standard);
  if (wrong !== undefined) throw new Error(wrong);
  await time(standard);
  const standardSeconds = tried[0].seconds;

  const best = () => tried.reduce((a, b) => (b.seconds < a.seconds ? b : a));
  const middle = batches[Math.min(1, batches.length - 1)];
  let chosen = choices[0];
  let atMiddle = Infinity;
  for (const choice of choices) {
    const seconds = await time({ ...choice, batch: middle });
    if (seconds < atMiddle) [atMiddle, chosen] = [seconds, choice];
  }
  let before = atMiddle;
  for (const [i, batch] of batches.entries()) {
    if (batch === middle || (i > 2 && before >= atMiddle)) continue;
    before = await time({ ...chosen, batch });
  }
  const { settings, seconds } = best();
  return {
    settings,
    seconds,
    tried,
    standard: { settings: standard, speed: seconds / standardSeconds },
  };
}
