import { createRequire } from "node:module";

import { createMarkdownRenderer } from "vitepress";

// Required, not imported: what is imported would be bundled.
const { catalog } = createRequire(import.meta.url)("../dist/index.js");

function row({ name, modelId, dimensions, maxTokens, dtype, license }) {
  return `| ${[`\`${name}\``, modelId, dimensions, maxTokens ?? "any", dtype, license].join(" | ")} |`;
}

/** The catalogue as a table, from the built package: what users get is what the page says. */
export default {
  async load() {
    const markdown = await createMarkdownRenderer(import.meta.dirname);
    const head = "| name | model on the hub | dimensions | tokens | weights | licence |";
    const align = "| --- | --- | ---: | ---: | --- | --- |";
    return markdown.render([head, align, ...catalog.map(row)].join("\n"));
  },
};
