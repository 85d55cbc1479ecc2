// A server that computes nothing: what the generator, the loopback and node:http take by themselves.
import { Buffer } from "node:buffer";
import { createServer } from "node:http";

const dimensions = 384;

createServer((request, response) => {
  if (request.method === "GET") return response.end();
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const { input } = JSON.parse(Buffer.concat(chunks).toString());
    const vector = Buffer.alloc(4 * dimensions).toString("base64");
    const count = Array.isArray(input) ? input.length : 1;
    const data = Array.from({ length: count }, (_, index) => ({
      object: "embedding",
      index,
      embedding: vector,
    }));
    response.end(JSON.stringify({ object: "list", data, model: "none" }));
  });
}).listen(Number(process.env.PORT), "127.0.0.1");
