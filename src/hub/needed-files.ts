import { CandleEmbedError } from "../errors.js";
import { checkInside } from "./names.js";

/**
 * What the engine reads of a module's folder besides its weights (`crates/candle-embed/src/folder.rs`); the special
 * tokens are for Python, which shares the cache.
 */
const moduleFiles = [
  "config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "sentence_bert_config.json",
  "sentence_roberta_config.json",
  "sentence_distilbert_config.json",
  "sentence_camembert_config.json",
  "sentence_albert_config.json",
  "sentence_xlm-roberta_config.json",
  "sentence_xlnet_config.json",
];

const weights = "model.safetensors";
const index = "model.safetensors.index.json";
const unsafeWeights = ["pytorch_model.bin", "pytorch_model.bin.index.json"];

/** The files of a model, some of which name others. */
export interface ModelFiles {
  readonly repository: string;
  has(name: string): boolean | Promise<boolean>;
  /** Gets a small file and parses it. */
  readJson(name: string): Promise<unknown>;
}

/** The files of a repository that says what it has. */
export interface ListedFiles extends ModelFiles {
  names(): Iterable<string>;
  has(name: string): boolean;
}

/**
 * The files of a model that the engine needs: of a repository with weights in five formats, one.
 *
 * @throws CandleEmbedError `MODEL_NOT_FOUND` where the weights are only there in a format that can run code,
 * `MODEL_INVALID` for a file that contradicts itself.
 */
export async function neededFiles(files: ModelFiles): Promise<string[]> {
  const folders = await moduleFolders(files);
  const names = ["modules.json", "config_sentence_transformers.json"];
  for (const folder of folders) {
    names.push(...moduleFiles.map((name) => folder + name), ...(await weightFiles(files, folder)));
  }
  const needed = await present(files, [...new Set(names)]);
  if (!needed.some((name) => name.endsWith(".safetensors"))) {
    throw notFound(`${files.repository} has no ${weights}: it is no model that candle-embed can run`);
  }
  return needed;
}

/** Those of `names` that are there. */
async function present(files: ModelFiles, names: readonly string[]): Promise<string[]> {
  const there = await Promise.all(names.map(async (name) => files.has(name)));
  return names.filter((_, index) => there[index]);
}

/** The folders of `modules.json`, each empty or with a slash at its end; the model's own folder comes first. */
async function moduleFolders(files: ModelFiles): Promise<string[]> {
  if (!(await files.has("modules.json"))) return [""];
  const modules = await files.readJson("modules.json");
  if (!Array.isArray(modules)) throw invalid(`modules.json of ${files.repository} is no list`);
  const folders = modules.map((module: unknown) => {
    const folder = (module as { path?: unknown } | null)?.path;
    if (typeof folder !== "string")
      throw invalid(`modules.json of ${files.repository} has a module without a path`);
    const plain = folder.replace(/^\.\/|\/$/g, "");
    return plain === "" || plain === "." ? "" : `${checkInside(plain)}/`;
  });
  return [...new Set(["", ...folders])];
}

async function weightFiles(files: ModelFiles, folder: string): Promise<string[]> {
  if (await files.has(folder + weights)) return [folder + weights];
  if (await files.has(folder + index)) {
    const { weight_map: map } = ((await files.readJson(folder + index)) ?? {}) as { weight_map?: unknown };
    const shards: unknown[] = Object.values(map ?? {});
    const names = shards.map((shard) => checkShard(files, folder, shard));
    return [folder + index, ...new Set(await Promise.all(names))];
  }
  const unsafe = unsafeWeights.map((name) => folder + name);
  if ((await present(files, unsafe)).length > 0) {
    const { repository } = files;
    throw notFound(
      `${repository} has its weights only as ${folder}pytorch_model.bin, a format that can run code when it is read. ` +
        `Convert it once in Python, SentenceTransformer("${repository}").save_pretrained("my-model"), and load the ` +
        "folder my-model; or pass the revision of a pull request of the model that adds model.safetensors (refs/pr/1)",
    );
  }
  return [];
}

async function checkShard(files: ModelFiles, folder: string, shard: unknown): Promise<string> {
  if (typeof shard !== "string") throw invalid(`${folder}${index} of ${files.repository} names no files`);
  const name = checkInside(folder + shard);
  if (!(await files.has(name)))
    throw invalid(`${folder}${index} of ${files.repository} names ${name}, which is not there`);
  return name;
}

function invalid(message: string): CandleEmbedError {
  return new CandleEmbedError("MODEL_INVALID", message);
}

function notFound(message: string): CandleEmbedError {
  return new CandleEmbedError("MODEL_NOT_FOUND", message);
}
