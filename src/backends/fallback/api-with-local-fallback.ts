import type { EmbeddingBackend } from "../../embedding-backend.js";
import { FallbackBackend } from "./fallback-backend.js";
import type { FallbackOptions } from "./fallback-options.js";
import type { LazyBackend } from "./member.js";

/**
 * The API while it answers, the local model while it does not: `FallbackBackend.create([api, local], options)`.
 *
 * ```ts
 * const backend = await apiWithLocalFallback(api, () => NativeBackend.load(), { logger: console });
 * ```
 */
export function apiWithLocalFallback(
  api: EmbeddingBackend,
  local: EmbeddingBackend | LazyBackend,
  options?: FallbackOptions,
): Promise<FallbackBackend> {
  return FallbackBackend.create([api, local], options);
}
