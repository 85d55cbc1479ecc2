import { CandleEmbedError } from "../errors.js";
import { UsageError } from "./command.js";

/**
 * Does `check`, in which the library looks at values of the command line: what it refuses is wrong usage.
 *
 * @param flags The options of the command line by their names in the library, which its messages have in quotation marks.
 */
export function asUsage<Result>(check: () => Result, flags: Readonly<Record<string, string>> = {}): Result {
  try {
    return check();
  } catch (error) {
    if (!CandleEmbedError.isInstance(error) || error.code !== "INVALID_INPUT") throw error;
    const message = error.message.replaceAll(/(?:option )?"(\w+)"/g, (found, name: string) => {
      const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
      return flag === undefined ? found : `--${flag}`;
    });
    throw new UsageError(message);
  }
}
