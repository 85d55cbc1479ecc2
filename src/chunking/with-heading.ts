/** A chunk as it is embedded where its headings are counted: they stand above it. */
export function withHeading({ heading, text }: { readonly heading: string; readonly text: string }): string {
  return heading === "" ? text : `${heading}\n${text}`;
}
