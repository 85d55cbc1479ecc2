import { CheckFailed } from "./command.js";
import { isBelow } from "./read-documents.js";
import { write } from "./write.js";

/** A folder that may not be entered has as many reasons as files. */
const toldAtMost = 10;

/** What a command had to leave out of the documents it was to read: `readDocuments` tells it here. */
export class LeftOut {
  /** Files that are no text. */
  skipped = 0;
  readonly #unreadable: { readonly file: string; readonly reason: string }[] = [];

  readonly onSkipped = (): void => {
    this.skipped++;
  };

  readonly onUnreadable = (file: string, error: NodeJS.ErrnoException): void => {
    // "EACCES: permission denied, open '/file'": not all of the system's errors go on with the file.
    const [reason = ""] = error.message.split(", ");
    this.#unreadable.push({ file, reason });
  };

  /** Files and folders that are there and cannot be read. */
  get unreadable(): number {
    return this.#unreadable.length;
  }

  /** Whether a document of this name may be there, where nobody could look. */
  hides(name: string): boolean {
    return this.#unreadable.some(({ file }) => isBelow(name, file));
  }

  /** @throws CheckFailed where something could not be read: what was done was not all. */
  async tellUnreadable(stderr: NodeJS.WriteStream): Promise<void> {
    if (this.unreadable === 0) return;
    const lines = this.#unreadable
      .slice(0, toldAtMost)
      .map(({ file, reason }) => `candle-embed: ${file} cannot be read: ${reason}\n`);
    const more = this.unreadable - lines.length;
    if (more > 0) lines.push(`candle-embed: and ${String(more)} more\n`);
    await write(stderr, lines.join(""));
    const what = this.unreadable === 1 ? "file or folder" : "files or folders";
    throw new CheckFailed(`${String(this.unreadable)} ${what} could not be read`);
  }
}
