/** An answer that is none: its status and what the server says. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface EmbeddingAnswer {
  readonly vectors: readonly Float32Array[];
  readonly tokens: number;
  /** What the server took, in milliseconds. */
  readonly milliseconds: number;
}

/** Kept in memory alone: it is gone with the page. */
let apiKey = "";

export function setApiKey(key: string): void {
  apiKey = key.trim();
}

/** Asks this page's own server. */
async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (apiKey !== "") headers.set("authorization", `Bearer ${apiKey}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers });
  } catch {
    throw new ApiError(0, "The server does not answer.");
  }
  if (response.ok) return response;
  throw new ApiError(response.status, await readMessage(response));
}

async function readMessage(response: Response): Promise<string> {
  try {
    const { error } = (await response.json()) as { error: { message: string } };
    return error.message;
  } catch {
    return `The server answered with ${String(response.status)}.`;
  }
}

export async function getJson<Answer>(path: string): Promise<Answer> {
  return (await (await ask(path)).json()) as Answer;
}

export async function getText(path: string): Promise<string> {
  return (await ask(path)).text();
}

/** Embeds texts by the route that every client uses. */
export async function embed(
  model: string,
  input: readonly string[],
  inputType: string,
): Promise<EmbeddingAnswer> {
  const body = {
    model,
    input,
    encoding_format: "base64",
    ...(inputType !== "" && { input_type: inputType }),
  };
  const response = await ask("v1/embeddings", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const { data, usage } = (await response.json()) as {
    data: { embedding: string }[];
    usage: { prompt_tokens: number };
  };
  return {
    vectors: data.map(({ embedding }) => decode(embedding)),
    tokens: usage.prompt_tokens,
    milliseconds: Number(response.headers.get("openai-processing-ms")),
  };
}

/** Little-endian float32, as OpenAI's API has them; every browser's machine is little-endian. */
function decode(base64: string): Float32Array {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}
