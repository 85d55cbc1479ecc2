import { report, siteLink } from "./repository.mjs";

/**
 * Turns links between files of the repository into links of the site, and links to its other files into their text.
 *
 * @param {import("vitepress").MarkdownRenderer} markdown
 */
export function repositoryLinks(markdown) {
  markdown.core.ruler.push("repository-links", ({ tokens, env }) => {
    // What typedoc writes has the site's own links, and the home page is no file's.
    if (env.relativePath === undefined || env.relativePath.startsWith("api/")) return;
    const dropped = [];
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      if (token.type === "link_open") {
        const address = siteLink(env.relativePath, token.attrGet("href"));
        dropped.push(address === undefined);
        if (address === undefined) drop(token);
        else token.attrSet("href", address);
        // VitePress takes it for a file, not for a page of its own that is missing. Pages that link to it are at the top.
        if (address === report.address) {
          token.attrSet("href", `.${address}`);
          token.attrSet("target", "_self");
        }
      } else if (token.type === "link_close" && dropped.pop()) drop(token);
    }
  });
}

function drop(token) {
  Object.assign(token, { type: "html_inline", content: "" });
}
