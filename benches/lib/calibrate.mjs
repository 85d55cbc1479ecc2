/**
 * The fastest of an engine's settings on a part of the workload, and how its standard setting compares: graphs at a batch
 * size in the middle, then sizes on both sides of it, the largest only where larger was better.
 *
 * @param {import("./engine.mjs").RunningEngine} engine
 * @param {import("./workloads.mjs").Workload} part
 * @param {import("./models.mjs").Model} model
 */
export async function calibrate(engine, part, model) {
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
