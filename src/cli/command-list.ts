import type { Command } from "./command.js";
import { bench } from "./commands/bench.js";
import { chunk } from "./commands/chunk.js";
import { completion } from "./commands/completion.js";
import { doctor } from "./commands/doctor.js";
import { embed } from "./commands/embed.js";
import { index } from "./commands/index.js";
import { models } from "./commands/models.js";
import { pull } from "./commands/pull.js";
import { quantize } from "./commands/quantize.js";
import { rm } from "./commands/rm.js";
import { search } from "./commands/search.js";
import { serve } from "./commands/serve.js";
import { service } from "./commands/service.js";
import { similarity } from "./commands/similarity.js";
import { verify } from "./commands/verify.js";

/** All commands by name, in the order of the help page. */
export const commands: ReadonlyMap<string, Command> = new Map(
  Object.entries({
    ...{ embed, similarity, search, index, chunk, serve, service },
    ...{ models, pull, rm, quantize },
    ...{ verify, bench, doctor, completion },
  }),
);
