import { CandleEmbedError } from "../errors.js";
import { isEtag, type ListedFile, type Listing } from "./cache.js";
import type { HubClient } from "./client.js";
import { TransientFailure } from "./failures.js";
import { isCommit } from "./names.js";
import type { RepositoryKind } from "./repository-kind.js";
import { withRetries } from "./retry.js";

/** The listing of the largest repositories has some hundred kilobytes. */
const maxAnswerBytes = 16 << 20;

/** A page has up to a thousand files. */
const maxPages = 50;

/** What is asked about one repository. */
export interface HubQuestion {
  readonly client: HubClient;
  readonly endpoint: string;
  readonly kind: RepositoryKind;
  readonly repository: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The commit that a branch, a tag or the like stands for now. `mostFailures`: how often it tries. */
export async function askCommit(
  question: HubQuestion,
  revision: string,
  mostFailures?: number,
): Promise<string> {
  const url = apiUrl(question, `revision/${encodeURIComponent(revision)}`);
  const { json } = await askJson(question, url, mostFailures);
  const sha = (json as { sha?: unknown } | null)?.sha;
  if (typeof sha === "string" && isCommit(sha)) return sha;
  throw noHub(question, "the answer names no commit");
}

/** All files of a commit. */
export async function askListing(question: HubQuestion, commit: string): Promise<Listing> {
  const listing = new Map<string, ListedFile>();
  let url: URL | undefined = apiUrl(question, `tree/${commit}?recursive=true`);
  for (let page = 0; url !== undefined; page++) {
    if (page === maxPages) throw noHub(question, "the list of files does not end");
    const answer = await askJson(question, url);
    if (!Array.isArray(answer.json)) throw noHub(question, "the answer is no list of files");
    for (const entry of answer.json as RawEntry[]) addFile(question, listing, entry);
    url = answer.next;
  }
  return listing;
}

/** A file or folder of `GET /api/{models|datasets}/{repository}/tree/{revision}`. */
interface RawEntry {
  type?: unknown;
  path?: unknown;
  size?: unknown;
  oid?: unknown;
  lfs?: { oid?: unknown; size?: unknown } | null;
  xetHash?: unknown;
}

function addFile(question: HubQuestion, listing: Map<string, ListedFile>, entry: RawEntry): void {
  if (entry.type !== "file") return;
  const { path: name, oid: blobId, lfs, xetHash } = entry;
  const etag = lfs?.oid ?? blobId;
  const size = lfs?.size ?? entry.size;
  if (typeof name !== "string" || !isEtag(blobId) || !isEtag(etag) || !isSize(size)) {
    throw noHub(
      question,
      `the list of files has an entry that is none: ${JSON.stringify(entry).slice(0, 200)}`,
    );
  }
  listing.set(name, { size, etag, blobId, ...(isEtag(xetHash) && { xetHash }) });
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function apiUrl({ endpoint, kind, repository }: HubQuestion, rest: string): URL {
  return new URL(`${endpoint}/api/${kind}s/${repository}/${rest}`);
}

interface Answer {
  readonly json: unknown;
  /** The next page. */
  readonly next: URL | undefined;
}

function askJson(question: HubQuestion, url: URL, mostFailures?: number): Promise<Answer> {
  const { client, repository, signal, timeoutMs } = question;
  const attempt = async (): Promise<Answer> => {
    const response = await client.get(url, { signal, timeoutMs });
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response.body()) {
      length += chunk.length;
      if (length > maxAnswerBytes) throw noHub(question, "the answer is too long");
      chunks.push(chunk);
    }
    return {
      json: parse(question, Buffer.concat(chunks)),
      next: nextPage(response.headers["link"], response.url),
    };
  };
  return withRetries(repository, signal, attempt, undefined, mostFailures);
}

function parse(question: HubQuestion, body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (cause) {
    // A page in place of an answer may come from a network that wants a log-in first; it may also be a passing fault.
    const { message } = noHub(question, "the answer is no JSON");
    throw new TransientFailure(message, { cause });
  }
}

/** `Link: <...>; rel="next"`, on the host that was asked: another one is not followed. */
function nextPage(header: string | string[] | undefined, from: URL): URL | undefined {
  const [, target] = /<([^>]+)>\s*;\s*rel="?next"?/.exec(String(header)) ?? [];
  if (target === undefined || !URL.canParse(target, from.href)) return undefined;
  const url = new URL(target, from);
  return url.origin === from.origin ? url : undefined;
}

function noHub({ endpoint }: HubQuestion, what: string): CandleEmbedError {
  return new CandleEmbedError(
    "DOWNLOAD_FAILED",
    `${endpoint} does not answer as a model hub does: ${what}. Check HF_ENDPOINT, proxies and log-in pages`,
  );
}
