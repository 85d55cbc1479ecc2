import type { Destination } from "./destination.js";
import { firstState } from "./journal.js";
import type { Output } from "./output.js";
import { PartFile } from "./part-file.js";

/** A pipe or device: what is out is out, and nothing can be gone on with. */
export class StreamDestination implements Destination {
  readonly outputs: readonly Output[];
  readonly state = firstState;
  readonly #errors: PartFile | undefined;

  private constructor(output: Output, errors: PartFile | undefined) {
    this.outputs = [output];
    this.#errors = errors;
  }

  /** @param errors The file for lines that cannot be used. */
  static async open(output: Output, errors: string | undefined): Promise<StreamDestination> {
    if (errors === undefined) return new StreamDestination(output, undefined);
    const file = await PartFile.open(errors);
    await file.cut(0);
    return new StreamDestination(output, file);
  }

  get errors(): PartFile | undefined {
    return this.#errors;
  }

  async commit(): Promise<void> {
    // Every write has been waited for.
  }

  async close(): Promise<void> {
    await this.#errors?.close();
  }
}
