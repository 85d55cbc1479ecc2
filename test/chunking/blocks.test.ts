import { expect, it } from "vitest";

import { readBlocks, type DocumentFormat } from "../../src/chunking/blocks.js";

function read(text: string, format: DocumentFormat = "markdown"): string[][] {
  return [...readBlocks(text, format)].map(({ start, end, kind, heading }) => [
    kind,
    heading,
    text.slice(start, end),
  ]);
}

it("finds paragraphs, headings of both kinds and the path above", () => {
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
  expect(read(source)).toEqual([
    ["prose", "", "Before any heading."],
    ["heading", "", "# Title #"],
    ["prose", "Title", "First line\nsecond line."],
    ["heading", "Title", "### Deep"],
    ["prose", "Title > Deep", "- one\n- two"],
    ["heading", "Title", "Setext\n------"],
    ["prose", "Title > Setext", "Under setext."],
    ["heading", "", "# Next"],
    ["prose", "Next", "Last."],
  ]);
});

it("keeps a code block whole and takes nothing in it for Markdown", () => {
  const source = "Text:\n~~~sh\n# not a heading\n\n```\ncode\n~~~\nAfter.";
  expect(read(source).map(([kind, , text]) => [kind, text])).toEqual([
    ["prose", "Text:"],
    ["lines", "~~~sh\n# not a heading\n\n```\ncode\n~~~"],
    ["prose", "After."],
  ]);
});

it("reads a block that is never closed, Windows line ends and a byte order mark", () => {
  expect(read("\uFEFF# A\r\n\r\ntext\r\n```\r\ncode")).toEqual([
    ["heading", "", "# A"],
    ["prose", "A", "text"],
    ["lines", "A", "```\r\ncode"],
  ]);
  expect(read("\uFEFF---\r\na: b\r\n---\r\ntext")).toEqual([["prose", "", "text"]]);
  expect(read("---\n---\ntext")).toEqual([["prose", "", "text"]]);
  expect(read("---\nno end")[0]?.[2]).toContain("no end");
});

it("takes the signs that close a heading off, and no others", () => {
  const source = "# A ##  \n\na\n\n## C#\n\nb\n\n### ###\n\nc\n\n#no heading\n";
  const paragraphs = read(source).filter(([kind]) => kind === "prose");
  expect(paragraphs.map(([, heading, text]) => [heading, text])).toEqual([
    ["A", "a"],
    ["A > C#", "b"],
    ["A > C#", "c"],
    ["A > C#", "#no heading"],
  ]);
});

it("knows no headings in plain text and code", () => {
  expect(read("# a\nb\n\n  c", "code")).toEqual([
    ["lines", "", "# a\nb"],
    ["lines", "", "c"],
  ]);
  expect(read("---\n# a\n---", "text")).toEqual([["prose", "", "---\n# a\n---"]]);
});

it("cuts blocks without end at a line", () => {
  const text = "a line of text\n".repeat(50_000);
  const blocks = [...readBlocks(text, "text")];
  expect(blocks.length).toBeGreaterThan(2);
  expect(blocks.every(({ start, end }) => end - start <= 2 ** 18 && text[start] === "a")).toBe(true);
  expect(blocks.map(({ start, end }) => text.slice(start, end)).join("\n")).toBe(text.trim());
});

it.each([
  ["spaces in a heading", `# a${" ".repeat(100_000)}b`],
  ["spaces after a heading's sign", `#${" ".repeat(100_000)}`],
  ["signs in a heading", `# a ${"#".repeat(100_000)} b`],
  ["signs and spaces", `# ${"# ".repeat(50_000)}b`],
  ["an underline that is none", `a\n${"=".repeat(100_000)}${" ".repeat(100_000)}b`],
  ["a fence that is none", `${"`".repeat(100_000)}${" ".repeat(100_000)}b`],
  ["spaces in a paragraph", `a${" ".repeat(100_000)}b`],
  ["empty lines", `a${"\n".repeat(500_000)}b`],
  ["empty lines of spaces", `a${"\n ".repeat(200_000)}b`],
  ["empty lines in a code block", `\`\`\`${"\n".repeat(500_000)}b`],
  ["one-line paragraphs", "ab\n\n".repeat(100_000)],
  ["headings", "# ab\n\n".repeat(100_000)],
])("takes linear time: %s", (_name, source) => {
  const start = performance.now();
  expect(read(`${source}\n\ntext`).at(-1)?.[2]).toMatch(/text$/);
  // Linear is some milliseconds; quadratic is many seconds.
  expect(performance.now() - start).toBeLessThan(4_000);
});
