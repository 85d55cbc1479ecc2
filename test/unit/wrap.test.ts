import { expect, it } from "vitest";

import { commands } from "../../src/cli/command-list.js";
import { fitHelp, wrap } from "../../src/cli/wrap.js";

it("cuts lines at spaces, and leaves long words whole", () => {
  expect(wrap("one two three", 20)).toEqual(["one two three"]);
  expect(wrap("    one two three four", 12)).toEqual(["    one two", "three four"]);
  expect(wrap("see /a/path/longer/than/the/line now", 10)).toEqual([
    "see",
    "/a/path/longer/than/the/line",
    "now",
  ]);
});

it.each([...commands])(
  "fits the page of %s to 80 columns and changes nothing at 120",
  async (_name, { load }) => {
    const { help } = await load();
    expect(fitHelp(help, 120)).toBe(help);
    const fitted = fitHelp(help, 79);
    expect(fitted.split("\n").filter((line) => line.length > 79)).toEqual([]);
    expect(fitted.replace(/\s+/g, " ")).toBe(help.replace(/\s+/g, " "));
  },
);
