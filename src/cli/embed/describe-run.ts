import type { Description } from "../../bulk/journal.js";
import type { Fingerprint } from "../../bulk/sources/fingerprint.js";
import type { EmbeddingBackend } from "../../embedding-backend.js";
import { packageVersion } from "../../utils/package-version.js";
import type { ChosenOutput } from "./choose-output.js";
import { dtypeOf } from "./embedder.js";
import type { EmbedValues } from "./options.js";

/** The options that decide what is in the output. */
const deciding = [
  "input",
  "text-field",
  "id-field",
  "metadata",
  "no-text",
  "chunk",
  "overlap",
  "shard",
  "query",
  "dimensions",
  "output-type",
  "truncate",
  "strict",
] as const;

/** What a run must have in common with the one that it goes on with. */
export function describeRun(
  backend: EmbeddingBackend,
  { size, modified, edges }: Fingerprint,
  output: ChosenOutput,
  values: EmbedValues,
): Description {
  const options = deciding.flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [[`--${name}`, value] as const];
  });
  return {
    "candle-embed": packageVersion(),
    "an input of the size": size,
    "an input changed at": modified,
    "an input with the hash": edges,
    model: backend.modelId,
    "the vector space": backend.space.id,
    dtype: dtypeOf(backend),
    "--format": output.format,
    "--errors": output.errors ?? "",
    ...Object.fromEntries(options),
  };
}
