import { checkMembers, isString } from "../backends/check-options.js";

/** A chunk as it is embedded where its headings are counted: they stand above it. */
export function withHeading(chunk: { readonly heading: string; readonly text: string }): string {
  checkMembers("a chunk", chunk, { heading: isString, text: isString });
  const { heading, text } = chunk;
  return heading === "" ? text : `${heading}\n${text}`;
}
