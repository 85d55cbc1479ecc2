// Serves the page, the package and a model:  node examples/browser/serve.mjs [PORT]
//
// Any web server does: what the package needs is application/wasm for .wasm, and an ETag so that the browser can keep the
// model. No headers for shared memory are needed.
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../..");

const folders = [
  ["/candle-embed/", path.join(root, "npm/wasm/dist")],
  ["/models/all-MiniLM-L6-v2/", path.join(root, "models/all-MiniLM-L6-v2")],
  ["/", here],
];

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

function answer(request, response) {
  const { pathname } = new URL(request.url, "http://localhost");
  const [prefix, folder] = folders.find(([start]) => pathname.startsWith(start));
  const name = decodeURIComponent(pathname.slice(prefix.length)) || "index.html";
  const file = path.join(folder, name);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (!file.startsWith(folder + path.sep) || !stats?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    "content-type": types[path.extname(file)] ?? "application/octet-stream",
    "content-length": stats.size,
    etag: `"${stats.mtimeMs}-${stats.size}"`,
  });
  if (request.method === "HEAD") response.end();
  else createReadStream(file).pipe(response);
}

/**
 * Starts it.
 *
 * @param {number} port 0 for any
 * @param {(request: import("node:http").IncomingMessage) => void} [onRequest] hears of every request
 * @returns {Promise<import("node:http").Server>}
 */
export function serve(port, onRequest = () => {}) {
  const server = createServer((request, response) => {
    onRequest(request);
    answer(request, response);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await serve(Number(process.argv[2] ?? 8080));
  console.log(`http://127.0.0.1:${server.address().port}/`);
}
