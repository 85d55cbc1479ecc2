/** What `candle-embed doctor` found out about one thing. */
export interface Finding {
  readonly name: string;
  /** A `note` is worth knowing; a `problem` keeps something from working. */
  readonly status: "ok" | "note" | "problem";
  /** One or more lines for a person. */
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string | undefined;
  /** The same for a program. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** The message of an error, with those of the errors behind it. */
export function messageOf(error: unknown): string {
  const messages: string[] = [];
  for (let each = error; each instanceof Error && messages.length < 5; each = each.cause) {
    const [line = ""] = each.message.split("\n");
    if (!messages.includes(line)) messages.push(line);
  }
  return messages.length === 0 ? String(error) : messages.join("; ");
}
