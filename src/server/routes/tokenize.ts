import { describe } from "../../backends/check-options.js";
import { untilCancelled } from "../../utils/until-cancelled.js";
import type { Core } from "../core.js";
import { parseObject, readModel, readTexts } from "../embeddings-request.js";
import { badRequest } from "../http-error.js";
import { json, type Incoming, type Outgoing } from "../http.js";
import { tokenizerOf } from "../token-input.js";
import type { Route, RouteContext } from "./route.js";

/**
 * `POST /tokenize`: `{ input, model?, add_special_tokens? }` gives the tokens of each text, and their places in it as pairs
 * of start and end, counted in UTF-16 units as JavaScript's strings are.
 */
export const tokenize: Route = { method: "POST", path: "/tokenize", handle };

async function handle(request: Incoming, core: Core, context: RouteContext): Promise<Outgoing> {
  const fields = parseObject(await request.read(core.settings.maxBodyBytes));
  const texts = readInputTexts(fields["input"], "input", core.settings.maxInputs);
  const specialTokens = fields["add_special_tokens"] ?? true;
  if (typeof specialTokens !== "boolean") {
    throw badRequest('"add_special_tokens" must be true or false', "add_special_tokens");
  }
  const model = core.findModel(readModel(fields));
  const tokenizer = tokenizerOf(model.backend);
  context.model = model.name;
  context.inputs = texts.length;
  if (tokenizer === undefined)
    throw badRequest("the tokenizer of this model is not in this process", "model");
  const found = await untilCancelled(request.cancellation, () =>
    tokenizer.tokenize(texts, { specialTokens }),
  );
  const data = found.map(({ ids, offsets }, index) => ({
    object: "tokens",
    index,
    tokens: Array.from(ids),
    offsets: Array.from(ids, (_, token) => [offsets[2 * token], offsets[2 * token + 1]]),
  }));
  context.tokens = found.reduce((sum, { ids }) => sum + ids.length, 0);
  return json({
    object: "list",
    data,
    model: model.name,
    usage: { prompt_tokens: context.tokens, total_tokens: context.tokens },
  });
}

/** One text or several. */
export function readInputTexts(value: unknown, name: string, maxInputs: number): readonly string[] {
  if (typeof value === "string") return [value];
  if (!Array.isArray(value)) {
    throw badRequest(`"${name}" must be a string or an array of strings, not ${describe(value)}`, name);
  }
  if (value.length === 0) throw badRequest(`"${name}" is empty`, name);
  if (value.length > maxInputs) {
    throw badRequest(
      `"${name}" has ${String(value.length)} entries; the most are ${String(maxInputs)}`,
      name,
    );
  }
  return readTexts(value, name);
}
