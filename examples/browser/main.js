import { cosineSimilarity, WasmBackend } from "@candle-embed/wasm";

const [first, second, similarity, progress, status] = [
  "first",
  "second",
  "similarity",
  "progress",
  "status",
].map((id) => document.getElementById(id));

try {
  const started = performance.now();
  const model = await WasmBackend.load("./models/all-MiniLM-L6-v2/", {
    onProgress: ({ download }) => {
      if (download !== undefined) progress.value = download.bytes / download.totalBytes;
    },
  });
  progress.hidden = true;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  status.textContent = `${model.modelId} (${model.dtype}) was ready after ${seconds} s. Nothing you type leaves this page.`;

  let latest = 0;
  const compare = async () => {
    const own = ++latest;
    const [a, b] = await model.embed([first.value, second.value]);
    // An older answer must not overwrite a newer one.
    if (own === latest) similarity.value = cosineSimilarity(a, b).toFixed(3);
  };
  for (const input of [first, second]) input.addEventListener("input", compare);
  await compare();
} catch (error) {
  status.textContent = `${error.code}: ${error.message}`;
}
