import { cosineSimilarity } from "../../similarity.js";
import type { Core } from "../core.js";
import { parseObject, readModel, readOptions } from "../embeddings-request.js";
import { badRequest } from "../http-error.js";
import { json, type Incoming, type Outgoing } from "../http.js";
import type { Route, RouteContext } from "./route.js";
import { readInputTexts } from "./tokenize.js";

/** Pairs in an answer: a megabyte of JSON, and some milliseconds of the event loop. */
const mostPairs = 65_536;

/**
 * `POST /similarity`: `{ input, compare_with?, model?, ... }` gives the cosine similarity of each text of `input` (a row) to
 * each of `compare_with`, or to each of `input` where that is left out. The further fields are those of embeddings.
 */
export const similarity: Route = { method: "POST", path: "/similarity", handle };

async function handle(request: Incoming, core: Core, context: RouteContext): Promise<Outgoing> {
  const { maxBodyBytes, maxInputs } = core.settings;
  const fields = parseObject(await request.read(maxBodyBytes));
  const input = readInputTexts(fields["input"], "input", maxInputs);
  const others = fields["compare_with"] ?? undefined;
  const compareWith = others === undefined ? [] : readInputTexts(others, "compare_with", maxInputs);
  const columns = others === undefined ? input.length : compareWith.length;
  if (input.length * columns > mostPairs) {
    throw badRequest(
      `${String(input.length * columns)} pairs; the most are ${String(mostPairs)} in a request`,
      "input",
    );
  }
  const options = readOptions(fields);
  const model = core.findModel(readModel(fields));
  const texts = [...input, ...compareWith];
  context.model = model.name;
  context.inputs = texts.length;
  const vectors = new Array<Float32Array>(texts.length);
  let tokens = 0;
  const times = await model.embed({
    texts,
    options,
    cancellation: request.cancellation,
    onRows: (rows, from, start, count) => {
      for (let index = 0; index < count; index++) {
        vectors[start + index] = rows.at(from + index);
        tokens += rows.tokens[from + index] as number;
      }
    },
  });
  Object.assign(context, times, { tokens });
  const against = others === undefined ? vectors : vectors.slice(input.length);
  const scores = vectors.slice(0, input.length).map((a) => against.map((b) => cosineSimilarity(a, b)));
  return json({
    object: "list",
    scores,
    model: model.name,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}
