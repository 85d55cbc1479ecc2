import type { RecallScores } from "../../../evaluation/recall/evaluate-recall.js";
import { distractorKinds } from "../../../evaluation/recall/scenario.js";
import type { Context } from "../../command.js";
import { parse } from "../../parse.js";
import { benchOptions, checkValues, forEachModel, formatTable, report } from "./shared.js";

export const recallOptions = {
  ...benchOptions,
  scenario: { type: "string", multiple: true },
  misses: { type: "boolean" },
} as const;

/** What one embedder did: each scenario, and all together. */
interface EmbedderScores {
  readonly embedder: string;
  readonly scenarios: readonly RecallScores[];
  readonly all: Omit<RecallScores, "missed">;
}

/** `candle-embed bench recall` */
export async function recall(args: readonly string[], context: Context): Promise<void> {
  const { values, positionals } = parse(args, recallOptions);
  await checkValues(values);
  const { toEmbedder } = await import("../../../evaluation/embedder.js");
  const { builtInScenarioNames, openScenario } =
    await import("../../../evaluation/recall/built-in-scenarios.js");
  const { combineRecall, evaluateRecall } = await import("../../../evaluation/recall/evaluate-recall.js");
  const scenarios = await Promise.all((values.scenario ?? builtInScenarioNames()).map(openScenario));
  const results: EmbedderScores[] = [];
  await forEachModel(positionals, values, context, async ({ backend, name }) => {
    const embedder = toEmbedder(backend, name);
    const scores: RecallScores[] = [];
    for (const scenario of scenarios) {
      context.signal.throwIfAborted();
      scores.push(await evaluateRecall(embedder, scenario));
    }
    results.push({ embedder: embedder.name, scenarios: scores, all: combineRecall(scores) });
  });
  const misses = values.misses === true ? toMisses(results) : "";
  await report(results, values, (format) => toTables(results, format) + misses, context);
}

function toTables(results: readonly EmbedderScores[], format: "text" | "markdown"): string {
  const names = results[0]?.scenarios.map(({ scenario }) => scenario) ?? [];
  const found = results.map(({ embedder, scenarios, all }) => [
    embedder,
    ...scenarios.map(({ recallAt1 }) => share(recallAt1)),
    share(all.recallAt1),
    share(all.recallAt5),
    all.mrr.toFixed(3),
  ]);
  const kinds = distractorKinds.filter((kind) => results.some(({ all }) => all.byKind[kind] !== undefined));
  const misled = results.map(({ embedder, all: { byKind } }) => [
    embedder,
    ...kinds.map((kind) => {
      const { outranking = 0, distractors = 0 } = byKind[kind] ?? {};
      return share(outranking / distractors);
    }),
  ]);
  const title = (text: string): string => (format === "markdown" ? `${text}\n\n` : `${text}\n`);
  return (
    title("Questions answered by the first hit, by scenario; of all: recall@1, recall@5, MRR") +
    formatTable(format, ["model", ...names, "all", "all @5", "MRR"], found) +
    `\n${title("Distractors that came before the answer, by kind")}` +
    formatTable(format, ["model", ...kinds], misled)
  );
}

function toMisses(results: readonly EmbedderScores[]): string {
  const lines = results.flatMap(({ embedder, scenarios }) =>
    scenarios.flatMap(({ scenario, missed }) =>
      missed.map(({ id, rank, found }) => {
        const text = found.replace(/\s+/g, " ");
        return `${embedder}  ${scenario}/${id}  rank ${String(rank)}, first: ${text}`;
      }),
    ),
  );
  return `\n${lines.join("\n")}\n`;
}

function share(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
