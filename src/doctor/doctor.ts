import type { SubjectOptions } from "../evaluation/subject.js";
import type { HubOptions } from "../hub/settings.js";
import { checkAddon } from "./addon.js";
import { checkCache } from "./cache.js";
import { checkCpu } from "./cpu.js";
import type { Finding } from "./finding.js";
import { checkGpu } from "./gpu.js";
import { checkNetwork } from "./network.js";
import { checkPlatform } from "./platform.js";
import { checkProvider } from "./provider.js";
import { selfTest } from "./self-test.js";
import { checkThreads } from "./threads.js";

export interface DoctorOptions {
  /** The model that is tested. Default: the one that is installed. */
  readonly model?: string | undefined;
  readonly load: SubjectOptions;
  readonly hub: HubOptions;
  /** Hash all files of the cache, however large. */
  readonly hashAll: boolean;
  readonly signal: AbortSignal;
}

/** Looks at all that candle-embed needs, one thing after the other, without the network. */
export async function* examine(options: DoctorOptions): AsyncGenerator<Finding, void, undefined> {
  const { model, load, hub, hashAll, signal } = options;
  yield checkPlatform();
  const addon = checkAddon();
  yield addon;
  yield* checkProvider();
  yield checkNetwork(hub);
  yield* await checkCache({ ...hub, hashAll, signal });
  // The rest asks the addon.
  if (addon.status === "problem") return;
  const threads = checkThreads();
  yield threads;
  if (threads.status === "problem") return;
  yield checkCpu();
  yield await checkGpu();
  yield* await selfTest(model, { ...load, signal });
}
