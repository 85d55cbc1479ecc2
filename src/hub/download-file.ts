import { CandleEmbedError } from "../errors.js";
import type { HubClient, HubResponse } from "./client.js";
import type { ExpectedContent } from "./content-hash.js";
import { TransientFailure } from "./failures.js";
import { PartialFile } from "./partial-file.js";
import { withRetries } from "./retry.js";

/** One file to get. */
export interface FileRequest {
  readonly client: HubClient;
  readonly url: URL;
  readonly name: string;
  readonly expected: ExpectedContent;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told how many bytes are there, and how many of them just came. */
  readonly onBytes: (bytes: number, received: number) => void;
}

/** An attempt that got this much further is not one of the failures in a row after which a download is given up. */
const progressBytes = 1 << 20;

/**
 * Gets a file and makes it visible as `target` when its content is right. What came is kept when the connection breaks,
 * the process ends or the caller gives up: the next attempt, or the next run, asks for the rest.
 */
export async function downloadFile(request: FileRequest, folder: string, target: string): Promise<void> {
  for (let attempts = 0; attempts < 3; attempts++) {
    if (await downloadOnce(request, folder, target)) return;
  }
  throw new CandleEmbedError(
    "DOWNLOAD_FAILED",
    `other processes remove the download of ${request.name} in ${folder}`,
  );
}

async function downloadOnce(request: FileRequest, folder: string, target: string): Promise<boolean> {
  const { signal, name, expected } = request;
  const partial = await PartialFile.open(folder, expected);
  try {
    let wrong = 0;
    let before = 0;
    const attempt = async (): Promise<void> => {
      before = partial.size;
      request.onBytes(partial.size, 0);
      if (partial.size < expected.size) await fill(partial, request);
      if (partial.isRight()) return;
      await partial.restart();
      throw wrongContent(request, ++wrong);
    };
    await withRetries(name, signal, attempt, () => partial.size - before >= progressBytes);
    return await partial.publish(target);
  } catch (error) {
    // What fills the disk up helps nobody to go on.
    if (isFull(error)) await partial.discard();
    else await partial.keep();
    throw error;
  }
}

/** Asks for what is missing and writes it. */
async function fill(partial: PartialFile, request: FileRequest): Promise<void> {
  const { client, url, expected, signal, timeoutMs, onBytes } = request;
  const from = partial.size;
  const response = await client.get(url, { signal, timeoutMs, ...(from > 0 && { from }) });
  try {
    if (!continues(response, from, expected.size)) {
      if (from > 0) await partial.restart();
      if (response.status !== 200)
        throw new TransientFailure(`${response.url.host} did not send what was asked for`);
    }
    checkAnswer(response, expected.size - partial.size);
    for await (const chunk of response.body()) {
      if (partial.size + chunk.length > expected.size) {
        await partial.restart();
        throw new TransientFailure(
          `${response.url.host} sent more than the ${String(expected.size)} bytes of the file`,
        );
      }
      await partial.write(chunk);
      onBytes(partial.size, chunk.length);
    }
  } finally {
    response.discard();
  }
  if (partial.size < expected.size) {
    throw new TransientFailure(
      `${response.url.host} sent ${String(partial.size)} of ${String(expected.size)} bytes and closed the connection`,
    );
  }
}

/** Whether the body begins where the file ends. A server that knows no ranges answers 200 and sends everything. */
function continues(response: HubResponse, from: number, size: number): boolean {
  if (from === 0) return response.status === 200;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers["content-range"] ?? "");
  if (response.status !== 206 || range === null) return false;
  return Number(range[1]) === from && (range[2] === "*" || Number(range[2]) === size);
}

/** Refuses what is another file by its headers alone, before any of it is written. */
function checkAnswer(response: HubResponse, missing: number): void {
  const { "content-encoding": encoding, "content-length": length, "content-type": type } = response.headers;
  const host = response.url.host;
  if (encoding !== undefined && encoding !== "identity") {
    throw new TransientFailure(`${host} sent the file compressed (${encoding}), which was not asked for`);
  }
  if (type?.startsWith("text/html") === true) {
    throw new TransientFailure(
      `${host} sent a web page in place of the file: does this network want a log-in?`,
    );
  }
  if (length !== undefined && Number(length) !== missing) {
    throw new TransientFailure(`${host} sent ${length} bytes where ${String(missing)} were expected`);
  }
}

/** The first time it may have been an old partial download or a fault on the way; the second time it is the server. */
function wrongContent({ name, url, expected }: FileRequest, failures: number): Error {
  const message = `${name} from ${url.host} is not the file it should be: its hash is not ${expected.sha256 ?? expected.etag}`;
  return failures < 2 ? new TransientFailure(message) : new CandleEmbedError("CHECKSUM_MISMATCH", message);
}

function isFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOSPC" || code === "EDQUOT";
}
