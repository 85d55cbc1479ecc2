import { expect, it } from "vitest";

import { splitMarkdown } from "../../src/utils/split-markdown.js";

it("cuts paragraphs, keeps headings, counts lines", () => {
  const source = [
    "---",
    "title: front matter",
    "---",
    "Before any heading.",
    "",
    "# Title #",
    "",
    "First line",
    "second line.",
    "",
    "---",
    "",
    "### Deep",
    "- one",
    "- two",
    "",
    "Setext",
    "------",
    "Under setext.",
    "# Next",
    "Last.",
  ].join("\n");
  expect(splitMarkdown(source)).toEqual([
    { heading: "", text: "Before any heading.", line: 4 },
    { heading: "Title", text: "First line\nsecond line.", line: 8 },
    { heading: "Title > Deep", text: "- one\n- two", line: 14 },
    { heading: "Title > Setext", text: "Under setext.", line: 19 },
    { heading: "Next", text: "Last.", line: 21 },
  ]);
});

it("keeps a code block whole and takes nothing in it for Markdown", () => {
  const source = "Text:\n~~~sh\n# not a heading\n\n```\ncode\n~~~\nAfter.";
  expect(splitMarkdown(source).map(({ text, line }) => [line, text])).toEqual([
    [1, "Text:"],
    [2, "~~~sh\n# not a heading\n\n```\ncode\n~~~"],
    [8, "After."],
  ]);
});

it("reads a block that is never closed, Windows line ends and a byte order mark", () => {
  expect(splitMarkdown("\uFEFF# A\r\n\r\ntext\r\n```\r\ncode")).toEqual([
    { heading: "A", text: "text", line: 3 },
    { heading: "A", text: "```\ncode", line: 4 },
  ]);
});

it("cuts long blocks at lines, sentences and spaces", () => {
  const rows = Array.from({ length: 30 }, (_, i) => `- item ${String(i)} ${"word ".repeat(15)}`.trim());
  const pieces = splitMarkdown(rows.join("\n"));
  expect(pieces.length).toBeGreaterThan(1);
  expect(pieces.map(({ text }) => text).join("\n")).toBe(rows.join("\n"));
  expect(
    pieces.every(({ text, line }) => text.length <= 1000 && text.startsWith(rows[line - 1] as string)),
  ).toBe(true);

  const sentences = splitMarkdown("A sentence of some length here. ".repeat(60));
  expect(sentences.every(({ text }) => text.length <= 1000 && text.endsWith("."))).toBe(true);

  expect(splitMarkdown("x".repeat(2500)).map(({ text }) => text.length)).toEqual([1000, 1000, 500]);
});

const loneSurrogate = /\p{Surrogate}/u;

it("never cuts through a pair of surrogates", () => {
  for (const start of ["", "x"]) {
    const source = start + "𝒳".repeat(1_500);
    const pieces = splitMarkdown(source).map(({ text }) => text);
    expect(pieces.join("")).toBe(source);
    expect(pieces.every((piece) => !loneSurrogate.test(piece) && piece.length <= 1000)).toBe(true);
  }
});

it("takes the signs that close a heading off, and no others", () => {
  const source = "# A ##  \n\na\n\n## C#\n\nb\n\n### ###\n\nc\n\n#no heading\n";
  expect(splitMarkdown(source).map(({ heading, text }) => [heading, text])).toEqual([
    ["A", "a"],
    ["A > C#", "b"],
    ["A > C#", "c"],
    ["A > C#", "#no heading"],
  ]);
});

it.each([
  ["spaces in a heading", `# a${" ".repeat(100_000)}b`],
  ["spaces after a heading's sign", `#${" ".repeat(100_000)}`],
  ["signs in a heading", `# a ${"#".repeat(100_000)} b`],
  ["signs and spaces", `# ${"# ".repeat(50_000)}b`],
  ["an underline that is none", `a\n${"=".repeat(100_000)}${" ".repeat(100_000)}b`],
  ["a fence that is none", `${"`".repeat(100_000)}${" ".repeat(100_000)}b`],
  ["spaces in a paragraph", `a${" ".repeat(100_000)}b`],
])("takes linear time: %s", (_name, source) => {
  const start = performance.now();
  splitMarkdown(`${source}\n\ntext`);
  // Linear is about a millisecond; quadratic is many seconds.
  expect(performance.now() - start).toBeLessThan(2_000);
});

it("leaves out what says nothing", () => {
  expect(splitMarkdown("\n\n***\n\n|---|---|\n\n---\n")).toEqual([]);
  expect(splitMarkdown("")).toEqual([]);
});
