import { defaultModel } from "../catalog.js";
import { cosines } from "../evaluation/compare.js";
import { builtInTexts, findGoldenSet } from "../evaluation/golden-sets.js";
import { Subject, type Embed, type SubjectOptions } from "../evaluation/subject.js";
import { measurePeak } from "../native.js";
import { messageOf, type Finding } from "./finding.js";
import { readShape } from "./model-work.js";
import { shareOfPeak, type ShareOfPeak } from "./share-of-peak.js";

const seconds = 2;

/** The least that int8 weights and activations leave of any of the built-in texts is above this. */
const leastCosine = 0.98;

/** Loads a model, compares its vectors with known ones, and measures for two seconds how fast it is. */
export async function selfTest(model = defaultModel, options: SubjectOptions = {}): Promise<Finding[]> {
  try {
    // What is to be found out is found on this machine.
    const subject = await Subject.open(model, { ...options, offline: true });
    const dtype = subject.info.dtype === "int8" ? "int8" : "float32";
    return await subject.load({ dtype }, async (embed) => [
      await checkVectors(subject, embed),
      await measureSpeed(subject, embed),
    ]);
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    const advice =
      model === defaultModel
        ? "install candle-embed again: its model is the package @candle-embed/all-minilm-l6-v2"
        : `"candle-embed pull ${model}" downloads what is missing or wrong`;
    return [{ name: "model", status: "problem", text: messageOf(error), advice, data: { model } }];
  }
}

async function checkVectors({ located, info }: Subject, embed: Embed): Promise<Finding> {
  const { modelId, folder } = located;
  const { dimensions, dtype, weightsSha256 } = info;
  const what = `${modelId}: ${String(dimensions)} dimensions, ${dtype}, ${folder}`;
  const data = { modelId, folder, dimensions, dtype, weightsSha256 };
  const vectors = await embed(builtInTexts);
  const advice =
    "its files are damaged, or this machine computes wrongly: candle-embed verify, then install it again";
  if (!vectors.data.every(Number.isFinite)) {
    return { name: "model", status: "problem", text: `${what}\nvectors that are no numbers`, advice, data };
  }
  const golden = findGoldenSet(info);
  if (golden === undefined) return { name: "model", status: "ok", text: what, data };
  const cosine = Math.min(...cosines(vectors, { data: golden.vectors, dimensions }));
  const isRight = cosine >= leastCosine;
  return {
    name: "model",
    status: isRight ? "ok" : "problem",
    text: `${what}\ncosine to ${golden.madeWith}: ${cosine.toFixed(4)} or more`,
    advice: isRight ? undefined : advice,
    data: { ...data, leastCosine: cosine },
  };
}

async function measureSpeed({ located, info }: Subject, embed: Embed): Promise<Finding> {
  const { threads, dtype } = info;
  const before = await measurePeak(threads);
  const counts: number[] = [];
  const start = performance.now();
  let elapsed = 0;
  while (elapsed < seconds) {
    counts.push(...(await embed(builtInTexts)).tokens);
    elapsed = (performance.now() - start) / 1000;
  }
  const after = await measurePeak(threads);
  const shape = readShape(located.folder);
  const work = { tokens: counts, seconds: elapsed, dtype };
  const { share, isBusy = false }: Partial<ShareOfPeak> =
    shape === undefined ? {} : shareOfPeak(shape, work, before, after);
  const tokens = counts.reduce((sum, each) => sum + each, 0);
  const [textsPerSecond, tokensPerSecond] = [counts.length / elapsed, tokens / elapsed];
  const shown = [textsPerSecond, tokensPerSecond].map((rate) => Math.round(rate).toLocaleString("en-US"));
  const ofPeak = share === undefined ? "" : `, ${(100 * share).toFixed(0)} % of what these CPUs can do`;
  return {
    name: "speed",
    status: isBusy ? "note" : "ok",
    text:
      `${String(shown[0])} texts/s of ${(tokens / counts.length).toFixed(0)} tokens, ${String(shown[1])} tokens/s with ` +
      `${String(threads)} threads${ofPeak}`,
    advice: isBusy
      ? "something else computes on this machine: run doctor again when it is idle to learn how fast it is"
      : undefined,
    data: { textsPerSecond, tokensPerSecond, threads, peaks: [before, after], shareOfPeak: share, isBusy },
  };
}
