/**
 * Gives code that is set apart by indentation the frame, the scrolling and the copy button of fenced code.
 *
 * @param {import("vitepress").MarkdownRenderer} markdown
 */
export function indentedCode(markdown) {
  markdown.core.ruler.push("indented-code", ({ tokens }) => {
    for (const token of tokens) {
      if (token.type === "code_block") Object.assign(token, { type: "fence", info: "text" });
    }
  });
}
