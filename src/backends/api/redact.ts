const mostSecrets = 200;

/** Takes secrets out of text that others wrote: an API may repeat in an error what it was sent. */
export class Redactor {
  readonly #secrets = new Set<string>();

  add(secret: string | undefined): void {
    // Shorter ones are no keys, and would tear holes into words.
    if (secret === undefined || secret.length < 6) return;
    const base64 = Buffer.from(secret).toString("base64").replace(/=+$/, "");
    for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), base64]) {
      this.#secrets.add(form);
    }
    // Keys that change with every request must not fill the memory; the last ones are those an API may repeat.
    for (const oldest of this.#secrets) {
      if (this.#secrets.size <= mostSecrets) break;
      this.#secrets.delete(oldest);
    }
  }

  /** The first 300 characters of `text` in one line, without the secrets. */
  clean(text: string): string {
    let cleaned = text;
    for (const secret of this.#secrets) cleaned = cleaned.replaceAll(secret, "[key]");
    const line = cleaned.replace(/[\s\p{Cc}]+/gu, " ").trim();
    return line.length > 300 ? `${line.slice(0, 300)}...` : line;
  }
}
