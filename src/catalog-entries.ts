// Commits and hashes come from public programs that pin the same models, at least two of them for each hash, since they
// can't be asked of the hub at build time. Where no two agree there is no hash, and the file is checked against the hash
// that the hub itself lists for that commit; where no commit is sure, there is no revision either. Dimensions, limits and
// licences are those of the model cards.

interface Entry {
  readonly name: string;
  readonly modelId: string;
  readonly revision?: string;
  readonly dimensions: number;
  readonly maxTokens: number | null;
  readonly dtype: "int8" | "float32" | "float16";
  readonly matryoshkaDimensions?: readonly number[];
  readonly license: string;
  readonly packageName?: string;
  readonly sha256?: Readonly<Record<string, string>>;
}

export const entries: readonly Entry[] = [
  {
    name: "all-MiniLM-L6-v2",
    modelId: "sentence-transformers/all-MiniLM-L6-v2",
    revision: "c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
    dimensions: 384,
    maxTokens: 256,
    dtype: "int8",
    license: "Apache-2.0",
    packageName: "@candle-embed/all-minilm-l6-v2",
    sha256: {
      "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
      "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
      "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
      "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    },
  },
  {
    name: "all-MiniLM-L12-v2",
    modelId: "sentence-transformers/all-MiniLM-L12-v2",
    revision: "c004d8e3e901237d8fa7e9fff12774962e391ce5",
    dimensions: 384,
    maxTokens: 128,
    dtype: "float32",
    license: "Apache-2.0",
  },
  {
    name: "paraphrase-MiniLM-L3-v2",
    modelId: "sentence-transformers/paraphrase-MiniLM-L3-v2",
    dimensions: 384,
    maxTokens: 128,
    dtype: "float32",
    license: "Apache-2.0",
  },
  {
    name: "all-mpnet-base-v2",
    modelId: "sentence-transformers/all-mpnet-base-v2",
    revision: "e8c3b32edf5434bc2275fc9bab85f82640a19130",
    dimensions: 768,
    maxTokens: 384,
    dtype: "float32",
    license: "Apache-2.0",
    sha256: { "model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658" },
  },
  {
    name: "bge-small-en-v1.5",
    modelId: "BAAI/bge-small-en-v1.5",
    revision: "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a",
    dimensions: 384,
    maxTokens: 512,
    dtype: "float32",
    license: "MIT",
    sha256: {
      "model.safetensors": "3c9f31665447c8911517620762200d2245a2518d6e7208acc78cd9db317e21ad",
      "tokenizer.json": "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
      "config.json": "094f8e891b932f2000c92cfc663bac4c62069f5d8af5b5278c4306aef3084750",
      "1_Pooling/config.json": "d1caf60c96f5fba2157c0c26b76d80818fad6cf0b8eb5e73ec372ff9818eba5c",
    },
  },
  {
    name: "bge-base-en-v1.5",
    modelId: "BAAI/bge-base-en-v1.5",
    revision: "a5beb1e3e68b9ab74eb54cfd186867f64f240e1a",
    dimensions: 768,
    maxTokens: 512,
    dtype: "float32",
    license: "MIT",
    sha256: { "model.safetensors": "c7c1988aae201f80cf91a5dbbd5866409503b89dcaba877ca6dba7dd0a5167d7" },
  },
  {
    name: "bge-large-en-v1.5",
    modelId: "BAAI/bge-large-en-v1.5",
    revision: "d4aa6901d3a41ba39fb536a557fa166f842b0e09",
    dimensions: 1024,
    maxTokens: 512,
    dtype: "float32",
    license: "MIT",
    sha256: { "model.safetensors": "45e1954914e29bd74080e6c1510165274ff5279421c89f76c418878732f64ae7" },
  },
  {
    name: "multilingual-e5-small",
    modelId: "intfloat/multilingual-e5-small",
    revision: "614241f622f53c4eeff9890bdc4f31cfecc418b3",
    dimensions: 384,
    maxTokens: 512,
    dtype: "float32",
    license: "MIT",
    sha256: { "model.safetensors": "1a55775f53449dac10a2bcbc312469fac40b96d53198c407081a831f81c98477" },
  },
  {
    name: "multilingual-e5-base",
    modelId: "intfloat/multilingual-e5-base",
    revision: "d128750597153bb5987e10b1c3493a34e5a4502a",
    dimensions: 768,
    maxTokens: 512,
    dtype: "float32",
    license: "MIT",
    sha256: {
      "model.safetensors": "a18a44fad1d0b46ded15928144138cff1135d5cc8233bdd90be5f18822de09a7",
      "tokenizer.json": "62c24cdc13d4c9952d63718d6c9fa4c287974249e16b7ade6d5a85e7bbb75626",
    },
  },
  {
    name: "nomic-embed-text-v1.5",
    modelId: "nomic-ai/nomic-embed-text-v1.5",
    revision: "e9b6763023c676ca8431644204f50c2b100d9aab",
    dimensions: 768,
    maxTokens: 8192,
    dtype: "float32",
    matryoshkaDimensions: [768, 512, 256, 128, 64],
    license: "Apache-2.0",
  },
  {
    name: "snowflake-arctic-embed-s",
    modelId: "Snowflake/snowflake-arctic-embed-s",
    revision: "e596f507467533e48a2e17c007f0e1dacc837b33",
    dimensions: 384,
    maxTokens: 512,
    dtype: "float32",
    license: "Apache-2.0",
  },
  {
    name: "snowflake-arctic-embed-m",
    modelId: "Snowflake/snowflake-arctic-embed-m",
    revision: "fc74610d18462d218e312aa986ec5c8a75a98152",
    dimensions: 768,
    maxTokens: 512,
    dtype: "float32",
    license: "Apache-2.0",
  },
  {
    name: "gte-modernbert-base",
    modelId: "Alibaba-NLP/gte-modernbert-base",
    revision: "e7f32e3c00f91d699e8c43b53106206bcc72bb22",
    dimensions: 768,
    maxTokens: 8192,
    dtype: "float16",
    license: "Apache-2.0",
  },
  {
    name: "potion-base-8M",
    modelId: "minishlab/potion-base-8M",
    revision: "bf8b056651a2c21b8d2565580b8569da283cab23",
    dimensions: 256,
    maxTokens: null,
    dtype: "float32",
    license: "MIT",
    sha256: { "model.safetensors": "f65d0f325faadc1e121c319e2faa41170d3fa07d8c89abd48ca5358d9a223de2" },
  },
  {
    name: "potion-retrieval-32M",
    modelId: "minishlab/potion-retrieval-32M",
    revision: "6fc8051fab2a1e0ee76689cf08c853792ac285e7",
    dimensions: 512,
    maxTokens: null,
    dtype: "float32",
    license: "MIT",
    sha256: { "model.safetensors": "07609e5bd33aad37900b3fd62f4ec96f6daec88ca4d46b9d8b928bfababf6ea0" },
  },
  {
    name: "static-retrieval-mrl-en-v1",
    modelId: "sentence-transformers/static-retrieval-mrl-en-v1",
    revision: "f60985c706f192d45d218078e49e5a8b6f15283a",
    dimensions: 1024,
    maxTokens: null,
    dtype: "float32",
    matryoshkaDimensions: [1024, 512, 256, 128, 64, 32],
    license: "Apache-2.0",
  },
];
