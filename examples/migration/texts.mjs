import { cosineSimilarity } from "candle-embed";

export const texts = [
  "The cable is two metres long.",
  "How long does delivery take?",
  "Übergrößen führen wir leider nicht.",
  "x",
  `${"Returns are free of charge within thirty days of delivery. ".repeat(8)}`,
];

/** Prints how far two sets of vectors lie apart; the exit code is 1 where one could not stand for the other. */
export function compare(before, after) {
  const cosines = after.map((vector, i) => cosineSimilarity(Float32Array.from(before[i]), vector));
  const least = Math.min(...cosines);
  console.log(`least cosine ${least.toFixed(4)}`);
  if (!(least > 0.998)) process.exitCode = 1;
}
