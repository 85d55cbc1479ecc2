import { readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

import { Gauge, type Instrument } from "./instruments.js";

/** Figures of the process, by the names that prom-client gives them, for which dashboards exist. */
export class ProcessMetrics {
  readonly instruments: readonly Instrument[];
  readonly #delay = monitorEventLoopDelay({ resolution: 20 });

  constructor() {
    this.#delay.enable();
    const startedAt = Math.round(Date.now() / 1_000 - process.uptime());
    const delay = (quantile: number) => (): number => this.#delay.percentile(quantile) / 1e9;
    this.instruments = [
      counter("process_cpu_seconds_total", "User and system CPU time.", () => {
        const { user, system } = process.cpuUsage();
        return (user + system) / 1e6;
      }),
      gauge("process_start_time_seconds", "When the process started, since the epoch.", () => startedAt),
      gauge("process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss()),
      gauge("process_open_fds", "Open file descriptors.", countDescriptors),
      gauge("nodejs_heap_size_used_bytes", "Used heap of JavaScript.", () => process.memoryUsage().heapUsed),
      gauge("nodejs_external_memory_bytes", "Memory of buffers.", () => process.memoryUsage().external),
      gauge(
        "nodejs_eventloop_lag_p50_seconds",
        "Median delay of the event loop since it was last asked.",
        delay(50),
      ),
      gauge("nodejs_eventloop_lag_p99_seconds", "99th percentile of the same.", () => {
        const value = delay(99)();
        this.#delay.reset();
        return value;
      }),
    ];
  }

  close(): void {
    this.#delay.disable();
  }
}

function gauge(name: string, help: string, read: () => number | undefined): Gauge {
  return new Gauge(name, help, () => {
    const value = read();
    return value === undefined ? [] : [[{}, value] as const];
  });
}

function counter(name: string, help: string, read: () => number): Gauge {
  return new Gauge(name, help, () => [[{}, read()] as const], "counter");
}

/** Only Linux tells it so. */
function countDescriptors(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined;
  }
}
