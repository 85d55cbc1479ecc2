import type { EmbeddingBackend } from "../../embedding-backend.js";

/**
 * What two backends embed to show that their vectors can be compared: texts without anything special, so that quantised
 * weights stay near, of several kinds, so that another model, pooling, prompt or tokenizer does not.
 */
const probeTexts = [
  "The train to the coast leaves at half past seven and arrives before noon.",
  "A recursive function needs a base case, or it will never stop calling itself.",
  "She planted tomatoes, beans and basil in the small garden behind the house.",
  "The committee postponed its decision about the new bridge until next spring.",
  "Water boils at a lower temperature on a high mountain than at sea level.",
  "Please send the signed contract and the invoice to our office in Lisbon by Friday.",
  "The orchestra played the second movement much more slowly than the score asks for.",
  "how do I reset the password of my account",
];

/** Of how many of them queries and documents are made, which shows other prompts. */
const withInputType = 2;

/** The probes' vectors, at `dimensions` where that is not 0. */
export async function embedProbes(backend: EmbeddingBackend, dimensions: number): Promise<Float32Array[]> {
  const options = dimensions === 0 ? {} : { dimensions };
  const some = probeTexts.slice(-withInputType);
  const all = await Promise.all([
    backend.embed(probeTexts, options),
    backend.embed(some, { ...options, inputType: "query" }),
    backend.embed(some, { ...options, inputType: "document" }),
  ]);
  return all.flatMap((embeddings) => [...embeddings]);
}
