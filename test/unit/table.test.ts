import { expect, it } from "vitest";

import { toTable } from "../../src/cli/table.js";

const head = ["name", "id", "where"];
const rows = [
  ["small", "org/small", "/a/long/path/to/a/folder"],
  ["large", "org/large", "no"],
  ["huge", "org/huge", "no"],
];

it("puts columns under each other", () => {
  expect(toTable(head, rows)).toBe(
    [
      "name   id         where",
      "small  org/small  /a/long/path/to/a/folder",
      "large  org/large  no",
      "huge   org/huge   no",
      "",
    ].join("\n"),
  );
});

it("leaves out what it may on a narrow terminal, but not for one long cell", () => {
  expect(toTable(head, rows, { width: 25, spare: ["id"] })).toBe(toTable(head, rows));
  expect(toTable(head, rows, { width: 15, spare: ["id", "none"] })).toBe(
    "name   where\nsmall  /a/long/path/to/a/folder\nlarge  no\nhuge   no\n",
  );
  expect(toTable(head, rows, { width: 1, spare: [] })).toBe(toTable(head, rows));
});
