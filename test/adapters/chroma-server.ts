import { spawn } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { ChromaClient } from "chromadb";
import { afterAll, vi } from "vitest";

import { getChroma } from "../../scripts/get-chroma.mjs";
import { temporaryFolder } from "../native/support.js";

const found = await getChroma();

/** Why there is no server; `undefined` where there is one. */
export const noChroma = found.reason;

/** Starts a server that ends with the test file. */
export async function startChroma(): Promise<{ client: ChromaClient; port: number }> {
  const port = await freePort();
  const args = ["chroma", "run", "--path", temporaryFolder(), "--host", "127.0.0.1", "--port", String(port)];
  const program = `import chromadb_rust_bindings; chromadb_rust_bindings.cli(${JSON.stringify(args)})`;
  if (found.path === undefined) throw new Error(found.reason);
  const server = spawn(found.python, ["-c", program], {
    env: { ...process.env, PYTHONPATH: found.path, ANONYMIZED_TELEMETRY: "False" },
    stdio: "ignore",
  });
  afterAll(() => server.kill("SIGKILL"));
  const client = new ChromaClient({ host: "127.0.0.1", port });
  await vi.waitFor(() => client.heartbeat(), { timeout: 30_000 });
  return { client, port };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
