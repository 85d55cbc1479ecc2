import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

import { CandleEmbedError, NativeBackend } from "candle-embed";
import {
  copyOfTinyModel,
  editJson,
  editTensors,
  loadForTests,
  temporaryFolder,
  tinyModel,
  type TensorInfo,
} from "./support.js";

const parent = temporaryFolder();
const healthy = await loadForTests(tinyModel);
const reference = await healthy.embed("the fox");

type Damage = (folder: string) => void;

const dense = "encoder.layer.0.output.dense.weight";

function remove(...files: string[]): Damage {
  return (folder) => {
    for (const file of files) rmSync(path.join(folder, file), { recursive: true });
  };
}

function write(file: string, content: string): Damage {
  return (folder) => writeFileSync(path.join(folder, file), content);
}

function cut(file: string, bytes: number): Damage {
  return (folder) => truncateSync(path.join(folder, file), bytes);
}

function config(changes: Record<string, unknown>): Damage {
  return (folder) => editJson(folder, "config.json", (json) => ({ ...json, ...changes }));
}

/** Changes the entry of one tensor in the header of the weights. */
function tensor(edit: (info: TensorInfo, header: Record<string, TensorInfo>) => void): Damage {
  return (folder) =>
    editTensors(folder, (header) => {
      const info = header[dense];
      if (info === undefined) throw new Error(`the fixture has no ${dense}`);
      edit(info, header);
    });
}

/** Sets every number of one tensor. */
function fill(value: number): Damage {
  return (folder) =>
    editTensors(folder, (header, data) => {
      const [start = 0, end = 0] = header[dense]?.data_offsets ?? [];
      for (let i = start; i < end; i += 4) data.writeFloatLE(value, i);
    });
}

const configFile = /config\.json/;
const weights = /model\.safetensors/;
const tokenizer = /tokenizer\.json/;
const denseTensor = /encoder\.layer\.0\.output\.dense\.weight/;
const openPooling = remove("1_Pooling", "modules.json");

const cases: [name: string, damage: Damage, message: RegExp, code?: string][] = [
  [
    "an empty folder",
    (folder) => {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
    },
    configFile,
    "MODEL_NOT_FOUND",
  ],

  ["no config.json", remove("config.json"), configFile, "MODEL_NOT_FOUND"],
  ["config.json is not JSON", write("config.json", "{"), configFile],
  ["config.json is an array", write("config.json", "[]"), configFile],
  ["zero heads", config({ num_attention_heads: 0 }), /heads/],
  ["heads that do not divide the hidden size", config({ num_attention_heads: 5 }), /heads/],
  ["zero hidden size", config({ hidden_size: 0 }), /hidden/],
  ["a hidden size of 2^40", config({ hidden_size: 2 ** 40 }), configFile],
  ["2^31 layers", config({ num_hidden_layers: 2 ** 31 }), configFile],
  ["more layers than tensors", config({ num_hidden_layers: 3 }), /layer\.2/],
  ["another hidden size than the tensors have", config({ hidden_size: 64 }), /64/],
  ["another vocabulary than the table has", config({ vocab_size: 50 }), /50/],
  ["an unknown activation", config({ hidden_act: "warp" }), /warp/, "UNSUPPORTED_ARCHITECTURE"],
  ["an unknown family", config({ model_type: "gpt2" }), /gpt2/, "UNSUPPORTED_ARCHITECTURE"],

  ["no weights", remove("model.safetensors"), weights, "MODEL_NOT_FOUND"],
  ["empty weights", write("model.safetensors", ""), weights],
  ["truncated weights", cut("model.safetensors", 20_000), weights],
  ["a header cut in the middle", cut("model.safetensors", 100), weights],
  ["a page of HTML for weights", write("model.safetensors", "<html>".repeat(999)), weights],
  [
    "a header of 2^60 bytes",
    (folder) => {
      const file = path.join(folder, "model.safetensors");
      const bytes = readFileSync(file);
      bytes.writeBigUInt64LE(2n ** 60n);
      writeFileSync(file, bytes);
    },
    weights,
  ],
  [
    "an absent tensor",
    tensor((info, header) => {
      header["something.else"] = info;
      Reflect.deleteProperty(header, dense);
    }),
    denseTensor,
  ],
  ["a tensor of another shape", tensor((info) => info.shape.reverse()), denseTensor],
  ["a tensor that ends beyond the file", tensor((info) => (info.data_offsets[1] += 2 ** 40)), weights],
  ["a tensor that ends before it begins", tensor((info) => info.data_offsets.reverse()), weights],
  ["weights that are NaN", fill(NaN), /finite|NaN/],
  ["weights that overflow", fill(1e38), /finite|NaN/],

  ["no tokenizer.json", remove("tokenizer.json"), tokenizer, "MODEL_NOT_FOUND"],
  ["tokenizer.json is not JSON", write("tokenizer.json", "[1"), tokenizer],
  [
    "tokenizer.json without a model",
    (folder) => editJson(folder, "tokenizer.json", (json) => ({ ...json, model: {} })),
    tokenizer,
  ],
  [
    "a vocabulary larger than the embedding table",
    (folder) =>
      editJson(folder, "tokenizer.json", (json) => {
        (json["model"] as { vocab: Record<string, number> }).vocab["zzz"] = 100_000;
      }),
    /vocabulary|embedding|tokens/,
  ],

  ["pooling left open", openPooling, /pooling/],
  [
    "an unknown pooling",
    (folder) => editJson(folder, "1_Pooling/config.json", (json) => ({ ...json, pooling_mode: "magic" })),
    /1_Pooling/,
  ],
  [
    "modules outside the folder",
    (folder) =>
      editJson(folder, "modules.json", (json) =>
        (json as unknown as object[]).map((each, index) =>
          index === 0 ? each : { ...each, path: "../../etc" },
        ),
      ),
    /\.\.\/etc/,
  ],
];

it.each(cases)(
  "%s: a typed error that names the culprit",
  async (name, damage, message, code = "MODEL_INVALID") => {
    const folder = copyOfTinyModel(parent, name);
    damage(folder);
    const error: unknown = await NativeBackend.load(folder)
      .then(async (backend) => {
        // What only shows in the numbers is found at the first call.
        const { data } = await backend.embed(["the fox", "is in the river"]);
        return data.every(Number.isFinite) ? "finite vectors" : "vectors with NaN";
      })
      .catch((reason: unknown) => reason);
    expect(CandleEmbedError.isInstance(error), String(error)).toBe(true);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string });
    // Other models work on.
    expect((await healthy.embed("the fox")).data).toEqual(reference.data);
  },
);

it("an open pooling can be given", async () => {
  const folder = copyOfTinyModel(parent, "pooling given");
  openPooling(folder);
  await using backend = await NativeBackend.load(folder, { pooling: "mean" });
  expect(backend.space.pooling).toBe("mean");
  expect((await backend.embed("the fox")).count).toBe(1);
});

it("foreign truncation and padding in tokenizer.json change nothing", async () => {
  const folder = copyOfTinyModel(parent, "foreign padding");
  const strategy = { Fixed: 60 };
  editJson(folder, "tokenizer.json", (json) => ({
    ...json,
    truncation: { max_length: 5, strategy: "LongestFirst", stride: 0, direction: "Right" },
    padding: {
      strategy,
      direction: "Right",
      pad_to_multiple_of: null,
      pad_id: 0,
      pad_type_id: 0,
      pad_token: "[PAD]",
    },
  }));
  await using backend = await NativeBackend.load(folder);
  const text = "the quick fox is in the river and the window is near the river";
  expect((await backend.embed(text)).data).toEqual((await healthy.embed(text)).data);
});
