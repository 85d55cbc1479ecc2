// What a device refuses is an error with a code, after which the process goes on.
import { spawn } from "node:child_process";
import { once } from "node:events";

import { Nearness, tinyModels } from "../vectors.mjs";

/** Takes all memory of a GPU but so many bytes, says so, and holds it until its input ends. Needs the driver alone. */
const hog = `
import ctypes, sys
cuda = ctypes.CDLL("libcuda.so.1")
def call(name, *args):
    code = getattr(cuda, name)(*args)
    if code: sys.exit(f"{name}: {code}")
device, context, free, total, memory = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_size_t(), ctypes.c_uint64()
call("cuInit", 0)
call("cuDeviceGet", ctypes.byref(device), int(sys.argv[1]))
call("cuCtxCreate_v2", ctypes.byref(context), 0, device)
call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
call("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(free.value - int(sys.argv[2])))
print("holding", flush=True)
sys.stdin.read()
`;

/** What is left to the model: its context takes some hundred megabytes, a batch as below more than the rest. */
const left = 1 << 30;

/** @param {{ NativeBackend: any, device: string, results: import("../results.mjs").Results }} suite */
export async function faults({ NativeBackend, device, results }) {
  const { folder, expected } = tinyModels().find(({ name }) => name === "tiny-bert-mean");
  await results.check("a GPU that is not there is refused", async () => {
    const kind = device === "metal" ? "cuda" : "cuda:99";
    const error = await NativeBackend.load(folder, { device: kind }).then(
      () => undefined,
      (reason) => reason,
    );
    if (error?.code !== "DEVICE_UNAVAILABLE") throw new Error(`${kind} gave ${error?.code ?? "a model"}`);
    return error.message;
  });
  const name = "too little memory on the device: a smaller batch, or an error with a code";
  if (!device.startsWith("cuda"))
    return results.skip(name, `there is no way to fill the memory of ${device}`);
  const holder = spawn("python3", ["-c", hog, /\d+/.exec(device)?.[0] ?? "0", String(left)]);
  try {
    const [said] = await Promise.race([
      once(holder.stdout, "data"),
      once(holder, "close"),
      once(holder, "error"),
    ]);
    if (!String(said).startsWith("holding")) return results.skip(name, `python3 could not fill it (${said})`);
    await results.check(name, () => embedMuch(NativeBackend, { folder, expected, device }));
  } finally {
    holder.stdin.end();
    if (holder.exitCode === null) await once(holder, "close");
  }
}

/**
 * Batches of a window of 4,096 texts, which take 1 GB in float32 with the model's 64 tokens each, half of it scores; halving makes
 * them small enough. Then a text as if nothing had been.
 */
async function embedMuch(NativeBackend, { folder, expected, device }) {
  const backend = await NativeBackend.load(folder, { device, dtype: "float32", batchTokens: 1 << 22 });
  try {
    const texts = Array(1 << 17).fill("word ".repeat(62));
    const outcome = await backend.embed(texts).then(
      ({ count }) => `${count} texts in smaller batches`,
      ({ code, message }) => `${code}: ${message}`,
    );
    if (/^(?:INTERNAL|undefined)/.test(outcome)) throw new Error(outcome);
    const nearness = new Nearness("float32");
    const result = await backend.embed(expected.texts);
    expected.cases[0].vectors.forEach((vector, row) => nearness.add(result.at(row), vector, `text ${row}`));
    return `${outcome}; afterwards ${nearness.figure()}`;
  } finally {
    await backend.dispose();
  }
}
