import { findHubModel, type HubModel } from "../../backends/resolve-model.js";
import { fetchModel } from "../../hub/fetch-model.js";
import { hubSettings } from "../../hub/settings.js";
import { UsageError, type Command, type Context } from "../command.js";
import { formatBytes } from "../../utils/format-bytes.js";
import { parse, parseFilled } from "../parse.js";
import { ProgressBar } from "../progress-bar.js";
import { write } from "../write.js";

const help = `Usage: candle-embed pull [options] MODEL...

Downloads models into the cache and prints the folder of each. What is there is checked, hash by hash, and not fetched
again unless it is wrong; a download that was interrupted goes on where it stopped. MODEL is a name
("candle-embed models" lists them) or a hub id (org/name).

Options:
      --revision REV       a branch, tag or commit of the model (default: the catalogue's commit, else main)
      --cache-dir DIR      where to put it (default: Hugging Face's cache, shared with Python)
      --json               print an array of { repository, revision, folder, bytes, downloadedBytes }

Environment: HF_TOKEN (for models that are not public), HF_ENDPOINT (another hub), HF_HUB_CACHE or HF_HOME (the cache),
HF_HUB_OFFLINE, HTTPS_PROXY, HTTP_PROXY, NO_PROXY.

Examples:
  candle-embed pull bge-small-en-v1.5
  HF_TOKEN=... candle-embed pull my-org/my-private-model --revision v2
  HF_ENDPOINT=https://hub.example.org candle-embed pull intfloat/multilingual-e5-small`;

const options = {
  revision: { type: "string" },
  "cache-dir": { type: "string", values: "folder" },
  json: { type: "boolean" },
} as const;

/** `candle-embed pull` */
export const pull: Command = { help, options, operands: "model", run };

async function run(args: readonly string[], { stdout, stderr, signal }: Context): Promise<void> {
  const { values, positionals: names } = parse(args, options);
  if (names.length === 0) throw new UsageError("pull needs a MODEL: a name or a hub id");
  if (values.revision !== undefined && names.length > 1) {
    throw new UsageError("--revision is for one MODEL; pull them one by one");
  }
  const settings = hubSettings({ cacheDir: parseFilled("cache-dir", values["cache-dir"]) });
  const models = names.map((name) => toModel(name, parseFilled("revision", values.revision)));
  const pulled: object[] = [];
  for (const model of models) {
    const bar = new ProgressBar(stderr);
    try {
      const onProgress = bar.show.bind(bar, model.repository);
      const { folder, revision, bytes, downloadedBytes } = await fetchModel({
        ...model,
        settings,
        verify: true,
        signal,
        onProgress,
      });
      bar.clear();
      const came = downloadedBytes === 0 ? "already here" : `${formatBytes(downloadedBytes)} downloaded`;
      await write(stderr, `${model.repository}: ${formatBytes(bytes)}, ${came}\n`);
      if (values.json === true) {
        pulled.push({ repository: model.repository, revision, folder, bytes, downloadedBytes });
      } else {
        await write(stdout, `${folder}\n`);
      }
    } finally {
      bar.clear();
    }
  }
  if (values.json === true) await write(stdout, `${JSON.stringify(pulled, null, 2)}\n`);
}

function toModel(name: string, revision: string | undefined): HubModel {
  const model = findHubModel(name, revision);
  if (model !== undefined) return model;
  throw new UsageError(
    `${JSON.stringify(name)} is no name that "candle-embed models" lists, and no hub id (org/name)`,
  );
}
