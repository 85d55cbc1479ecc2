import { defaultModel } from "../catalog.js";
import { checkBatches } from "./check-batches.js";
import { checkDeterminism } from "./check-determinism.js";
import { checkExecutors } from "./check-executors.js";
import { checkGolden } from "./check-golden.js";
import { checkInt8 } from "./check-int8.js";
import type { CheckResult } from "./check-result.js";
import { Subject, type SubjectOptions } from "./subject.js";

/** What was verified. */
export interface VerifiedModel {
  readonly modelId: string;
  readonly revision: string;
  readonly folder: string;
  readonly modelType: string;
  readonly dimensions: number;
  readonly maxTokens: number;
  /** How its weights are stored. */
  readonly dtype: string;
  readonly threads: number;
  readonly spaceId: string;
  readonly texts: number;
}

/** How near a model computes to what it should, and how far it is from itself. */
export interface VerifyReport extends VerifiedModel {
  /** Whether no check failed. */
  readonly passed: boolean;
  readonly checks: readonly CheckResult[];
}

/** Told what the model is, then each result as it comes. */
export interface VerifyListener {
  readonly onModel?: (model: VerifiedModel) => Promise<void>;
  readonly onCheck?: (result: CheckResult) => Promise<void>;
}

const checks = [checkGolden, checkExecutors, checkInt8, checkBatches, checkDeterminism];

/**
 * Runs all checks on a model, one load after the other: no more than one copy of it is in memory at a time.
 *
 * @throws CandleEmbedError as `NativeBackend.load` does. A check that fails is no error but a result.
 */
export async function verify(
  model: string = defaultModel,
  options: SubjectOptions = {},
  { onModel, onCheck }: VerifyListener = {},
): Promise<VerifyReport> {
  const subject = await Subject.open(model, options);
  const verified = describe(subject);
  await onModel?.(verified);
  const results: CheckResult[] = [];
  for (const check of checks) {
    const result = await check(subject);
    results.push(result);
    await onCheck?.(result);
  }
  return { ...verified, passed: results.every(({ status }) => status !== "failed"), checks: results };
}

function describe({ located, info, texts }: Subject): VerifiedModel {
  const { modelType, dimensions, maxTokens, dtype, threads, spaceId } = info;
  const { modelId, folder, revision = info.weightsSha256 } = located;
  return {
    modelId,
    revision,
    folder,
    modelType,
    dimensions,
    maxTokens,
    dtype,
    threads,
    spaceId,
    texts: texts.length,
  };
}
