import type { EngineInfo } from "../engine.js";
import { CandleEmbedError } from "../errors.js";

/** A vector store made for another length would refuse the vectors one by one, or worse, take them. */
export function checkDimensions(modelId: string, info: EngineInfo, expected: number | undefined): void {
  if (expected === undefined || expected === info.dimensions) return;
  throw new CandleEmbedError(
    "DIMENSION_MISMATCH",
    `${modelId} gives vectors of ${String(info.dimensions)} dimensions, not the ${String(expected)} that ` +
      `expectedDimensions asks for`,
  );
}

/**
 * The engine hashes the weights while it reads them, so that a file that went bad in a cache costs nothing to find.
 *
 * @param info Of a load with `hashFiles`.
 * @param remedy What fetches them again, as the end of the message.
 */
export function checkWeights(
  model: string,
  info: EngineInfo,
  expected: string | undefined,
  remedy: string,
): void {
  if (expected === undefined || expected === info.filesSha256) return;
  throw new CandleEmbedError(
    "CHECKSUM_MISMATCH",
    `the weights of ${model} are not what they should be: their SHA-256 is ${String(info.filesSha256)}, not ` +
      `${expected}. ${remedy}`,
  );
}
