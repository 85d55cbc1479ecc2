import { ApiError, embed, getJson, setApiKey } from "./api.js";
import { byId, make } from "./elements.js";
import { cosines, heatMap } from "./heat-map.js";
import { watchLoad } from "./load.js";

/** More make a table that nobody reads. */
const MAX_TEXTS = 40;
/** Components that are shown of a vector. */
const SHOWN = 8;

const model = byId("model", HTMLSelectElement);
const texts = byId("texts", HTMLTextAreaElement);
const inputType = byId("input-type", HTMLSelectElement);
const key = byId("key", HTMLInputElement);
const button = byId("embed", HTMLButtonElement);
const message = byId("message", HTMLElement);
const result = byId("result", HTMLElement);

/** Says something, to screen readers too. */
function say(text: string, kind: "" | "error" = ""): void {
  message.textContent = text;
  message.className = kind;
}

function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  if (error.status !== 401) return error.message;
  key.focus();
  return key.value === ""
    ? "This server wants an API key: enter one above."
    : "The server does not know this API key.";
}

async function showModels(): Promise<void> {
  try {
    const { data } = await getJson<{ data: { id: string }[] }>("v1/models");
    model.replaceChildren(...data.map(({ id }) => make("option", { value: id }, id)));
    say("");
  } catch (error) {
    say(explain(error), "error");
    return;
  }
  await showFacts();
}

interface Info {
  readonly models: readonly (Facts & { readonly id: string })[];
  readonly limits: Facts;
  readonly version: string;
  readonly status: string;
  readonly started_at: string;
}

type Facts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

async function showFacts(): Promise<void> {
  const facts = byId("facts", HTMLElement);
  try {
    const { models, limits, ...server } = await getJson<Info>("info");
    facts.replaceChildren(
      ...models.flatMap(({ id, ...model }) => describe(id, model)),
      ...describe("Server", server),
      ...describe("Limits", limits),
    );
  } catch (error) {
    facts.replaceChildren(explain(error));
  }
}

/** A heading and the facts under it; what is empty is no fact. */
function describe(title: string, facts: Facts): HTMLElement[] {
  const entries = Object.entries(facts)
    .map(([name, value]) => [
      name.replaceAll("_", " "),
      Array.isArray(value) ? value.join(", ") : String(value ?? ""),
    ])
    .filter(([, value]) => value !== "")
    .map(([name, value]) => make("div", {}, make("dt", {}, name as string), make("dd", {}, value as string)));
  return [make("h3", {}, title), make("dl", {}, ...entries)];
}

async function tryTexts(): Promise<void> {
  const input = texts.value.split("\n").filter((line) => line.trim() !== "");
  if (input.length === 0) {
    say("Enter a text, or several, one a line.", "error");
    return;
  }
  if (input.length > MAX_TEXTS) {
    say(`This page shows ${String(MAX_TEXTS)} texts at most.`, "error");
    return;
  }
  button.disabled = true;
  say("…");
  try {
    const start = performance.now();
    const { vectors, tokens, milliseconds } = await embed(model.value, input, inputType.value);
    const trip = performance.now() - start;
    const took = Number.isFinite(milliseconds) ? `${String(milliseconds)} ms in the server, ` : "";
    const count = `${String(input.length)} ${input.length === 1 ? "text" : "texts"}, ${String(tokens)} tokens`;
    say(`${count}, ${String(vectors[0]?.length ?? 0)} dimensions; ${took}${trip.toFixed(0)} ms in all.`);
    const table = make("div", {
      class: "scroll",
      tabindex: "0",
      role: "region",
      "aria-label": "Similarities",
    });
    table.append(heatMap(input, cosines(vectors)));
    result.replaceChildren(table, vectorList(input, vectors));
  } catch (error) {
    say(explain(error), "error");
  } finally {
    button.disabled = false;
  }
}

function vectorList(input: readonly string[], vectors: readonly Float32Array[]): HTMLElement {
  const items = vectors.map((vector, i) => {
    const numbers = Array.from(vector.subarray(0, SHOWN), (value) => value.toFixed(4)).join(", ");
    return make("li", {}, make("span", {}, input[i] as string), make("code", {}, `[${numbers}, …]`));
  });
  return make("details", {}, make("summary", {}, "Vectors"), make("ol", { class: "vectors" }, ...items));
}

byId("form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  void tryTexts();
});
texts.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  void tryTexts();
});
key.addEventListener("change", () => {
  setApiKey(key.value);
  void showModels();
});

void showModels();
watchLoad();
