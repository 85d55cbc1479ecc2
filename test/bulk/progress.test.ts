import { describe, expect, it } from "vitest";

import { bulkLine, bulkLog, type BulkView } from "../../src/cli/bulk-progress.js";

const view: BulkView = {
  share: 0.4701,
  texts: 470_112,
  textsPerSecond: 2_431.4,
  tokensPerSecond: 31_204,
  secondsLeft: 217.2,
  truncated: 12,
  bad: 3,
};

/** The line as a terminal shows it. */
function visible(line: string): string {
  // eslint-disable-next-line no-control-regex -- what colours are made of
  return line.replace(/\u001B\[\d+m/g, "");
}

describe("the line on a terminal", () => {
  it("has a bar, and what matters most, at 80 columns and at 140", () => {
    expect(bulkLine(view, 79, false)).toBe(
      "[====>     ]   47%  470,112 texts  2,431/s  3:38 left  3 bad  31K tok/s  12 cut",
    );
    expect(bulkLine(view, 139, false)).toBe(
      "[==================>                     ]   47%  470,112 texts  2,431/s  3:38 left  3 bad  31K tok/s  12 cut",
    );
  });

  it("never wraps, and colours take no room", () => {
    for (let width = 4; width < 200; width++) {
      const line = bulkLine(view, width, true);
      expect(visible(line).length).toBeLessThanOrEqual(width);
      expect(visible(line)).toBe(bulkLine(view, width, false));
    }
  });

  it("has no bar where the size of the input is not known", () => {
    const { texts, textsPerSecond, tokensPerSecond, truncated, bad } = view;
    const unknown = { texts, textsPerSecond, tokensPerSecond, truncated, bad };
    expect(bulkLine(unknown, 79, false)).toBe("470,112 texts  2,431/s  3 bad  31K tok/s  12 cut");
  });
});

it("a line of a log", () => {
  expect(bulkLog(view)).toBe(
    "47%, 470,112 texts, 2,431 texts/s, 31,204 tokens/s, 3:38 left, 12 cut, 3 bad lines",
  );
});
