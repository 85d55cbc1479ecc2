import { readFile } from "node:fs/promises";

import { invalidData, unreadable } from "../datasets/read-records.js";

/** Why a distractor looks like the answer. */
export const distractorKinds = [
  /** Nearly the words of the fact, with one detail that makes it another statement. */
  "near-duplicate",
  /** Says of something alike that it is not so. */
  "negation",
  /** The same of another person, product, place or function. */
  "other-entity",
  /** The same at another time, or no longer so. */
  "other-time",
  /** The same kind of statement with another amount, limit or version, of something else. */
  "other-number",
  /** The words of the question in another meaning. */
  "other-meaning",
] as const;

/** In what a distractor is like the fact that it lies beside. */
export type DistractorKind = (typeof distractorKinds)[number];

/** A text that lies in the memory beside the facts and does not answer the question. */
export interface Distractor {
  readonly kind: DistractorKind;
  readonly text: string;
}

/** A text of the memory that answers questions. */
export interface ScenarioFact {
  readonly id: string;
  readonly text: string;
}

/** What the memory is asked. */
export interface ScenarioQuestion {
  readonly id: string;
  readonly text: string;
  /** The ids of the facts that answer it; each alone does. */
  readonly expected: readonly string[];
  readonly distractors: readonly Distractor[];
}

/** What a memory holds and is asked (`scenarios/scenario.schema.json`). */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly description?: string;
  /** BCP 47 tags, separated by spaces. */
  readonly language: string;
  readonly facts: readonly ScenarioFact[];
  readonly questions: readonly ScenarioQuestion[];
}

/**
 * Reads a scenario.
 *
 * @throws CandleEmbedError `INVALID_INPUT` with what is wrong and where, unless it is of the schema's form and its ids lead
 * to facts.
 */
export async function readScenario(file: string): Promise<Scenario> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    if (cause instanceof SyntaxError) throw invalidData(`${file} is no JSON: ${cause.message}`, cause);
    throw unreadable(file, cause);
  }
  return parseScenario(value, file);
}

/** The value as a {@link Scenario}, every part of it checked; `where` begins the message of an error. */
export function parseScenario(value: unknown, where = "the scenario"): Scenario {
  const scenario = new Part(value, where);
  const facts = scenario.list("facts").map((fact) => ({ id: fact.id("id"), text: fact.text("text") }));
  const questions = scenario.list("questions").map((question) => ({
    id: question.id("id"),
    text: question.text("text"),
    expected: question.ids("expected"),
    distractors: question
      .list("distractors", 0)
      .map((each) => ({ kind: each.choice("kind", distractorKinds), text: each.text("text") })),
  }));
  const known = requireUnique(
    facts.map(({ id }) => id),
    where,
  );
  requireUnique(
    questions.map(({ id }) => id),
    where,
  );
  for (const { id, expected } of questions) {
    const unknown = expected.find((each) => !known.has(each));
    if (unknown !== undefined) {
      throw invalidData(`${where}: the question ${id} expects the fact ${unknown}, which is not there`);
    }
  }
  return {
    name: scenario.id("name"),
    title: scenario.text("title"),
    ...(scenario.has("description") && { description: scenario.text("description") }),
    language: scenario.text("language"),
    facts,
    questions,
  };
}

function requireUnique(ids: readonly string[], where: string): ReadonlySet<string> {
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) throw invalidData(`${where} has the id ${id} twice`);
    seen.add(id);
  }
  return seen;
}

/** One object of a scenario's file, and where in it. */
class Part {
  readonly #where: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(value: unknown, where: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw invalidData(`${where} must be an object`);
    }
    this.#where = where;
    this.#fields = value as Record<string, unknown>;
  }

  has(field: string): boolean {
    return this.#fields[field] !== undefined;
  }

  text(field: string): string {
    const value = this.#fields[field];
    if (typeof value === "string" && value.trim() !== "") return value;
    throw invalidData(`${this.#where}: "${field}" must be text`);
  }

  id(field: string): string {
    const id = this.text(field);
    if (/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(id)) return id;
    throw invalidData(
      `${this.#where}: "${field}" must be lower-case words with "-", not ${JSON.stringify(id)}`,
    );
  }

  choice<Choice extends string>(field: string, choices: readonly Choice[]): Choice {
    const choice = choices.find((each) => each === this.#fields[field]);
    if (choice !== undefined) return choice;
    throw invalidData(`${this.#where}: "${field}" must be one of ${choices.join(", ")}`);
  }

  ids(field: string): string[] {
    return this.#array(field, 1).map((value) => {
      if (typeof value === "string") return value;
      throw invalidData(`${this.#where}: "${field}" must hold ids`);
    });
  }

  list(field: string, least = 1): Part[] {
    return this.#array(field, least).map(
      (value, index) => new Part(value, `${this.#where}: ${field}[${String(index)}]`),
    );
  }

  #array(field: string, least: number): unknown[] {
    const value = this.#fields[field];
    if (Array.isArray(value) && value.length >= least) return value;
    throw invalidData(`${this.#where}: "${field}" must be a list${least > 0 ? " that is not empty" : ""}`);
  }
}
