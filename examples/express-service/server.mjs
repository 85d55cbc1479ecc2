import { once } from "node:events";

import { CandleEmbedError, NativeBackend, topK } from "candle-embed";
import express from "express";

const catalogue = [
  "Charging cable, two metres",
  "Power bank, charges a telephone three times",
  "Rain jacket with hood",
  "Reading lamp, warm light",
  "Noise-cancelling headphones",
];

// Before the port opens: whoever can connect gets an answer.
const model = await NativeBackend.load();
const vectors = await model.embedDocuments(catalogue);

const app = express();

app.get("/similar", async (request, response) => {
  const left = new AbortController();
  response.on("close", () => left.abort());
  const { text } = request.query;
  const query = await model.embedQuery(text, { signal: left.signal });
  response.json(topK(query, vectors, 3).map(({ index, score }) => ({ entry: catalogue[index], score })));
});

// Express hands what a handler rejects with to here.
app.use((error, request, response, next) => {
  if (response.headersSent || !CandleEmbedError.isInstance(error)) return next(error);
  if (error.code === "ABORTED") return response.end();
  const status = error.code === "INVALID_INPUT" ? 400 : 500;
  response.status(status).json({ code: error.code, message: error.message });
});

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1");
await once(server, "listening");
console.log(`http://127.0.0.1:${server.address().port}`);

process.once("SIGTERM", () => {
  server.close(() => void model.dispose());
});
