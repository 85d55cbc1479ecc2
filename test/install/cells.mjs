// What a table's cell says.

/**
 * @typedef {{ state: "green" | "red" | "named", text: string }} Cell named: it cannot be run here, `text` says why.
 */

/**
 * Runs a task for a cell.
 *
 * @param {() => Promise<unknown>} task What it gives, if a string, is what the cell says.
 * @param {{ reason?: string }} [options] reason: why it cannot be run here.
 * @returns {Promise<Cell>}
 */
export async function cell(task, { reason } = {}) {
  if (reason !== undefined) return { state: "named", text: reason };
  try {
    const text = await task();
    return { state: "green", text: typeof text === "string" && text.length < 100 ? text.trim() : "" };
  } catch (error) {
    if (error instanceof NotHere) return { state: "named", text: error.message };
    return { state: "red", text: String(error?.message ?? error) };
  }
}

/** Thrown by a task that finds that this machine cannot run it. */
export class NotHere extends Error {}
