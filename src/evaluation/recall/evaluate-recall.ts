import { checkMembers, isObject, isPositiveInteger } from "../../backends/check-options.js";
import { checkEmbedder, checkList } from "../check-arguments.js";
import { embedUnit, type Embedder } from "../embedder.js";
import { recall, reciprocalRank, byRank } from "../metrics/retrieval.js";
import { dotRows } from "../search.js";
import {
  distractorKinds,
  parseScenario,
  type DistractorKind,
  type Scenario,
  type ScenarioQuestion,
} from "./scenario.js";

/** How often distractors of one kind came before the fact that answers the question. */
export interface Outranked {
  /** Questions' distractors of this kind. */
  readonly distractors: number;
  /** Those with a score at least as high as the best expected fact's. */
  readonly outranking: number;
}

/** What an embedder finds in one scenario. */
export interface RecallScores {
  /** Its name. */
  readonly embedder: string;
  /** Its name. */
  readonly scenario: string;
  /** How many were asked. */
  readonly questions: number;
  /** Texts that the memory holds: facts, and the distractors of all questions. */
  readonly memory: number;
  /** The share of the questions whose first hit is an expected fact. */
  readonly recallAt1: number;
  /** The share of the expected facts among the first five hits, a mean over the questions. */
  readonly recallAt5: number;
  /** The mean of one over the rank of the first expected fact. */
  readonly mrr: number;
  /** Kinds that the scenario has. */
  readonly byKind: Readonly<Partial<Record<DistractorKind, Outranked>>>;
  /** For each question that was not answered by the first hit: what came first instead. */
  readonly missed: readonly MissedQuestion[];
}

/** A question whose first answer is not an expected fact. */
export interface MissedQuestion {
  /** Of the question. */
  readonly id: string;
  /** The rank of the first expected fact. */
  readonly rank: number;
  /** What came first. */
  readonly found: string;
}

interface MemoryText {
  readonly id: string;
  readonly text: string;
}

/**
 * Puts the facts and all distractors of a scenario into one memory, and asks its questions.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for a scenario that is none, and where the vectors are none; and what the embedder throws.
 */
export async function evaluateRecall(embedder: Embedder, scenario: Scenario): Promise<RecallScores> {
  checkEmbedder(embedder);
  parseScenario(scenario);
  const memory = memoryOf(scenario);
  const texts = memory.map(({ text }) => text);
  const asked = scenario.questions.map(({ text }) => text);
  const stored = await embedUnit(embedder, texts, "document");
  const queries = await embedUnit(embedder, asked, "query");
  const textOf = new Map(memory.map(({ id, text }) => [id, text]));
  const byKind: Partial<Record<DistractorKind, { distractors: number; outranking: number }>> = {};
  const missed: MissedQuestion[] = [];
  let hits = 0;
  let amongFive = 0;
  let reciprocals = 0;
  scenario.questions.forEach((question, row) => {
    const scored = memory.map(({ id }, index) => ({
      id,
      score: Math.fround(dotRows(queries.data, row, stored.data, index, queries.dimensions)),
    }));
    countOutranking(question, new Map(scored.map(({ id, score }) => [id, score])), byKind);
    const ranking = scored.sort(byRank).map(({ id }) => id);
    const expected = new Map(question.expected.map((id) => [factId(id), 1]));
    const reciprocal = reciprocalRank(ranking, expected, ranking.length);
    reciprocals += reciprocal;
    amongFive += recall(ranking, expected, 5);
    if (reciprocal === 1) hits++;
    else {
      const found = textOf.get(ranking[0] ?? "") ?? "";
      missed.push({ id: question.id, rank: Math.round(1 / reciprocal), found });
    }
  });
  const questions = scenario.questions.length;
  return {
    embedder: embedder.name,
    scenario: scenario.name,
    questions,
    memory: memory.length,
    recallAt1: hits / questions,
    recallAt5: amongFive / questions,
    mrr: reciprocals / questions,
    byKind,
    missed,
  };
}

/**
 * All scenarios taken together, each question counting the same.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for what is no list of `evaluateRecall`'s results.
 */
export function combineRecall(scores: readonly RecallScores[]): Omit<RecallScores, "missed"> {
  checkList("the scores", scores);
  for (const each of scores) {
    checkMembers("what evaluateRecall gives", each, { questions: isPositiveInteger, byKind: isObject });
  }
  const questions = scores.reduce((sum, each) => sum + each.questions, 0);
  const mean = (figure: "recallAt1" | "recallAt5" | "mrr"): number =>
    scores.reduce((sum, each) => sum + each[figure] * each.questions, 0) / questions;
  const byKind: Partial<Record<DistractorKind, Outranked>> = {};
  for (const kind of distractorKinds) {
    const parts = scores.flatMap((each) => each.byKind[kind] ?? []);
    if (parts.length === 0) continue;
    byKind[kind] = {
      distractors: parts.reduce((sum, part) => sum + part.distractors, 0),
      outranking: parts.reduce((sum, part) => sum + part.outranking, 0),
    };
  }
  return {
    embedder: scores[0]?.embedder ?? "",
    scenario: "all",
    questions,
    memory: scores.reduce((sum, each) => sum + each.memory, 0),
    recallAt1: mean("recallAt1"),
    recallAt5: mean("recallAt5"),
    mrr: mean("mrr"),
    byKind,
  };
}

function memoryOf({ facts, questions }: Scenario): MemoryText[] {
  return [
    ...facts.map(({ id, text }) => ({ id: factId(id), text })),
    ...questions.flatMap(({ id, distractors }) =>
      distractors.map(({ text }, index) => ({ id: distractorId(id, index), text })),
    ),
  ];
}

function countOutranking(
  question: ScenarioQuestion,
  scores: ReadonlyMap<string, number>,
  byKind: Partial<Record<DistractorKind, { distractors: number; outranking: number }>>,
): void {
  const scoreOf = (id: string): number => scores.get(id) ?? -Infinity;
  const best = Math.max(...question.expected.map((id) => scoreOf(factId(id))));
  question.distractors.forEach(({ kind }, index) => {
    const counts = (byKind[kind] ??= { distractors: 0, outranking: 0 });
    counts.distractors++;
    if (scoreOf(distractorId(question.id, index)) >= best) counts.outranking++;
  });
}

/** Ids of facts and of questions may be the same words. Of equal scores the higher id comes first: never the fact. */
function factId(id: string): string {
  return `fact:${id}`;
}

function distractorId(question: string, index: number): string {
  return `wrong:${question}:${String(index)}`;
}
