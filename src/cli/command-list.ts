import type { Command } from "./command.js";

/** A command that is not loaded yet: a run needs the modules of one of them. */
export interface ListedCommand {
  /** One line for the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** All commands by name, in the order of the help page. */
export const commands: ReadonlyMap<string, ListedCommand> = new Map(
  Object.entries<ListedCommand>({
    embed: {
      summary: "make the vectors of texts",
      load: async () => (await import("./commands/embed.js")).embed,
    },
    similarity: {
      summary: "compare texts",
      load: async () => (await import("./commands/similarity.js")).similarity,
    },
    search: {
      summary: "find passages by meaning, in documents or an index",
      load: async () => (await import("./commands/search.js")).search,
    },
    index: {
      summary: "make or update an index of documents to search",
      load: async () => (await import("./commands/index.js")).index,
    },
    chunk: {
      summary: "cut documents into chunks of so many tokens",
      load: async () => (await import("./commands/chunk.js")).chunk,
    },
    serve: {
      summary: "answer OpenAI's embeddings API",
      load: async () => (await import("./commands/serve.js")).serve,
    },
    service: {
      summary: "keep the server running, as a service of this user",
      load: async () => (await import("./commands/service.js")).service,
    },
    models: {
      summary: "list the models that have a name, or are cached",
      load: async () => (await import("./commands/models.js")).models,
    },
    pull: {
      summary: "download models",
      load: async () => (await import("./commands/pull.js")).pull,
    },
    rm: {
      summary: "remove downloaded models",
      load: async () => (await import("./commands/rm.js")).rm,
    },
    quantize: {
      summary: "write a model folder with int8 weights",
      load: async () => (await import("./commands/quantize.js")).quantize,
    },
    verify: {
      summary: "check that a model computes what it should",
      load: async () => (await import("./commands/verify.js")).verify,
    },
    bench: {
      summary: "measure how good a model's vectors are, and how fast they come",
      load: async () => (await import("./commands/bench.js")).bench,
    },
    doctor: {
      summary: "look what works on this machine, and what to do about the rest",
      load: async () => (await import("./commands/doctor.js")).doctor,
    },
    completion: {
      summary: "print the completion of a shell",
      load: async () => (await import("./commands/completion.js")).completion,
    },
  }),
);
