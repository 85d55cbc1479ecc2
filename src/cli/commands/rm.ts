import { findHubModel } from "../../backends/resolve-model.js";
import { removeModel } from "../../hub/remove-model.js";
import { hubSettings } from "../../hub/settings.js";
import { UsageError, type Command, type Context } from "../command.js";
import { formatBytes } from "../../utils/format-bytes.js";
import { parse, parseFilled } from "../parse.js";
import { write } from "../write.js";

const help = `Usage: candle-embed rm [options] MODEL...

Removes models from the cache of downloaded models, whoever downloaded them, and says what that freed. MODEL is a name
or a hub id (org/name), as "candle-embed models --cached" lists it. The model that is installed with candle-embed stays.

Options:
      --revision REV       only this branch, tag or commit; files that others share stay
      --cache-dir DIR      the cache (default: Hugging Face's cache, shared with Python)
      --json               print an array of { repository, freedBytes }

Examples:
  candle-embed rm bge-small-en-v1.5
  candle-embed rm --revision main my-org/my-model`;

const options = {
  revision: { type: "string" },
  "cache-dir": { type: "string", values: "folder" },
  json: { type: "boolean" },
} as const;

/** `candle-embed rm` */
export const rm: Command = { help, options, operands: "model", run };

async function run(args: readonly string[], { stdout }: Context): Promise<void> {
  const { values, positionals: names } = parse(args, options);
  if (names.length === 0) throw new UsageError("rm needs a MODEL: a name or a hub id");
  const { cacheDir } = hubSettings({ cacheDir: parseFilled("cache-dir", values["cache-dir"]) });
  const models = names.map((name) => {
    const model = findHubModel(name);
    if (model === undefined)
      throw new UsageError(`${JSON.stringify(name)} is no name and no hub id (org/name)`);
    return model;
  });
  const removed: object[] = [];
  for (const { repository } of models) {
    const freedBytes = await removeModel(cacheDir, repository, parseFilled("revision", values.revision));
    if (values.json === true) removed.push({ repository, freedBytes });
    else await write(stdout, `${repository}: ${formatBytes(freedBytes)} freed\n`);
  }
  if (values.json === true) await write(stdout, `${JSON.stringify(removed, null, 2)}\n`);
}
