import { describe, expect, it } from "vitest";

import { EngineServer } from "../../src/wasm/engine-server.js";
import type { EngineWorkerEvents, Platform } from "../../src/wasm/platform.js";
import type { Reply, Request } from "../../src/wasm/protocol.js";
import { RemoteEmbedder } from "../../src/wasm/remote-embedder.js";

const info = { dimensions: 3, prompts: {} };

/** A module whose steps do what a test wants. */
function fakeModule(step: () => never): ConstructorParameters<typeof EngineServer>[0] {
  class ModuleFiles {
    insert(): void {
      // nothing is read
    }
  }
  const job = { push: () => undefined, free: () => undefined, step };
  const embedder = { info: JSON.stringify(info), startJob: () => job };
  const module = {
    ModuleFiles,
    ModuleEmbedder: { load: () => embedder },
    lastPanic: () => "at job.rs: index out of bounds",
  };
  return module as unknown as ConstructorParameters<typeof EngineServer>[0];
}

/** A platform whose worker is in this thread. */
function fakePlatform(server: EngineServer): {
  platform: Platform;
  log: string[];
  events: EngineWorkerEvents[];
} {
  const log: string[] = [];
  const all: EngineWorkerEvents[] = [];
  const platform: Platform = {
    startWorker: (events) => {
      all.push(events);
      return {
        post: (request: Request) => {
          const reply: Reply | undefined = server.handle(request);
          if (reply !== undefined) queueMicrotask(() => events.reply(reply));
        },
        terminate: () => log.push("terminate"),
        keepAlive: (alive) => log.push(alive ? "ref" : "unref"),
      };
    },
    folder: () => undefined,
    packageFolder: () => undefined,
  };
  return { platform, log, events: all };
}

describe("an engine that ends", () => {
  it("by a trap: the panic's message, and the same for every later call", async () => {
    const server = new EngineServer(
      fakeModule(() => {
        throw new WebAssembly.RuntimeError("unreachable");
      }),
    );
    const { platform, log } = fakePlatform(server);
    const embedder = await RemoteEmbedder.load(platform, [], {}, undefined);
    expect(embedder.info).toEqual(info);
    const job = embedder.startJob({});
    job.push(["a"]);
    const failure = { code: "INTERNAL", message: expect.stringContaining("panic: at job.rs") as string };
    expect(await job.step(50)).toMatchObject(failure);
    job.close();
    expect(await embedder.startJob({}).step(50)).toMatchObject(failure);
    expect(await embedder.tokenize(["a"], true)).toMatchObject(failure);
    expect(log).toEqual(["unref", "ref", "unref", "ref", "terminate"]);
  });

  it("by an error of the engine: only that call", async () => {
    let failed = false;
    const server = new EngineServer(
      fakeModule(() => {
        failed = true;
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- as the module throws them
        throw JSON.stringify({ code: "MODEL_INVALID", message: "not finite" });
      }),
    );
    const { platform, log } = fakePlatform(server);
    const embedder = await RemoteEmbedder.load(platform, [], {}, undefined);
    expect(await embedder.startJob({}).step(50)).toEqual({ code: "MODEL_INVALID", message: "not finite" });
    expect(failed).toBe(true);
    expect(log).not.toContain("terminate");
    embedder.dispose();
    expect(log.at(-1)).toBe("terminate");
    expect(await embedder.startJob({}).step(50)).toMatchObject({ code: "DISPOSED" });
  });

  it("with its worker: what the platform says", async () => {
    const server = new EngineServer(fakeModule(() => undefined as never));
    const { platform, events } = fakePlatform(server);
    const embedder = await RemoteEmbedder.load(platform, [], {}, undefined);
    events[0]?.failure("out of memory");
    expect(await embedder.startJob({}).step(50)).toMatchObject({
      code: "INTERNAL",
      message: "the engine's worker failed: out of memory",
    });
  });
});
