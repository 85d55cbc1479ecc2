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

async function showFacts(): Promise<void> {
  const facts = byId("facts", HTMLElement);
  try {
    const entries = flatten(await getJson<unknown>("info"));
    facts.replaceChildren(
      ...entries.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))),
    );
  } catch (error) {
    facts.replaceChildren(make("div", {}, explain(error)));
  }
}

/** What /info says, a line each; nested facts by their path, and a number where there are several. */
function flatten(value: unknown, path = ""): [name: string, value: string][] {
  if (value === null || value === undefined) return [];
  if (typeof value !== "object") return [[path, String(value)]];
  if (!Array.isArray(value)) {
    return Object.entries(value).flatMap(([name, item]) =>
      flatten(item, `${path} ${name.replaceAll("_", " ")}`.trim()),
    );
  }
  if (value.every((item) => typeof item !== "object"))
    return value.length === 0 ? [] : [[path, value.join(", ")]];
  return value.flatMap((item, i) => flatten(item, value.length === 1 ? path : `${path} ${i + 1}`));
}

async function tryTexts(): Promise<void> {
  const input = texts.value.split("\n").filter((line) => line.trim() !== "");
  if (input.length === 0) return say("Enter a text, or several, one a line.", "error");
  if (input.length > MAX_TEXTS) return say(`This page shows ${MAX_TEXTS} texts at most.`, "error");
  button.disabled = true;
  say("…");
  try {
    const start = performance.now();
    const { vectors, tokens, milliseconds } = await embed(model.value, input, inputType.value);
    const trip = performance.now() - start;
    const took = Number.isFinite(milliseconds) ? `${milliseconds} ms in the server, ` : "";
    const count = `${input.length} ${input.length === 1 ? "text" : "texts"}, ${tokens} tokens`;
    say(`${count}, ${vectors[0]?.length ?? 0} dimensions; ${took}${trip.toFixed(0)} ms in all.`);
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
