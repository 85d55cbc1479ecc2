// node from-openai.mjs
import { NativeBackend } from "candle-embed";
import { openaiFetch } from "candle-embed/openai";
import OpenAI from "openai";

import { compare, texts } from "./texts.mjs";

// Before: new OpenAI(), with a key in OPENAI_API_KEY. All else stays, the name of the model too.
const fetch = openaiFetch({ aliases: ["text-embedding-3-small"] });
const client = new OpenAI({ apiKey: "unused", fetch });

const { data, usage } = await client.embeddings.create({ model: "text-embedding-3-small", input: texts });
console.log(`${data.length} vectors, ${usage.total_tokens} tokens`);
await fetch.dispose();

// The same as without the client.
const model = await NativeBackend.load();
compare(
  data.map(({ embedding }) => embedding),
  [...(await model.embed(texts))],
);
await model.dispose();
