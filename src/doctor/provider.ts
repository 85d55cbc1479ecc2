import { readEnvironment } from "../backends/backend-from-env.js";
import { messageOf, type Finding } from "./finding.js";

/** What `EMBEDDING_PROVIDER` asks for beside the model in this process. It is not called, and no key is shown. */
export function checkProvider(env: Readonly<Record<string, string | undefined>> = process.env): Finding[] {
  if (!env["EMBEDDING_PROVIDER"]) return [];
  const name = "provider";
  try {
    const { provider, values } = readEnvironment(env);
    if (provider === "native") return [];
    const { EMBEDDING_MODEL: model, EMBEDDING_API_BASE_URL: url, EMBEDDING_LOCAL_URL: localUrl } = values;
    const keyFrom = (["EMBEDDING_API_KEY", "EMBEDDING_API_KEY_CMD"] as const).find(
      (each) => values[each] !== undefined,
    );
    const endpoint = url && withoutCredentials(url);
    const local = localUrl && withoutCredentials(localUrl);
    const parts = [
      `EMBEDDING_PROVIDER=${provider}: ${model ?? "the default model"} at ${String(endpoint)}`,
      keyFrom === undefined ? "no key" : `a key from ${keyFrom}`,
      ...(local === undefined ? [] : [`its local side at ${local}`]),
    ];
    return [
      {
        name,
        status: "note",
        text: `${parts.join(", ")}\nit is not called here; what is tested below is the model in this process`,
        advice: 'candle-embed similarity "a dog" "a puppy" calls it',
        data: { provider, model, endpoint, local, keyFrom },
      },
    ];
  } catch (error) {
    return [
      { name, status: "problem", text: messageOf(error), advice: "correct or unset the variable", data: {} },
    ];
  }
}

function withoutCredentials(url: string): string {
  if (!URL.canParse(url)) return "an address that is no URL";
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
