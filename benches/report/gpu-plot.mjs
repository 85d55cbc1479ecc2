import { lines } from "./charts.mjs";

/** For a picture without the report's style sheet. */
const style = `<style>
  svg { color-scheme: light dark; background: #fcfcfb; font: 12px system-ui, sans-serif; fill: #1b1c1e; }
  .grid line { stroke: #dcdee1; }
  .series polyline { fill: none; stroke-width: 2; }
  .s0 polyline { stroke: #b4430f; } .s0 circle, .s0 text { fill: #b4430f; }
  .s1 polyline { stroke: #1f6f8b; } .s1 circle, .s1 text { fill: #1f6f8b; }
  @media (prefers-color-scheme: dark) {
    svg { background: #151618; fill: #e8e8e6; }
    .grid line { stroke: #34373b; }
    .s0 polyline { stroke: #f08a4b; } .s0 circle, .s0 text { fill: #f08a4b; }
    .s1 polyline { stroke: #6fb7d1; } .s1 circle, .s1 text { fill: #6fb7d1; }
  }
</style>`;

/**
 * Texts a second against texts a call, a line for each engine.
 *
 * @param {Record<string, [number, number][]>} calls by engine
 * @param {string} title
 * @returns {string} an SVG document
 */
export function plotCalls(calls, title) {
  const series = Object.entries(calls).map(([name, points]) => ({ name, points }));
  const figure = lines(series, { title, x: "texts a call", y: "texts a second", right: 150 });
  const [svg] = /<svg.*<\/svg>/s.exec(figure);
  return (
    svg.replace(
      /<svg ([^>]*)>/,
      `<svg xmlns="http://www.w3.org/2000/svg" $1>${style}<title>${title}</title>`,
    ) + "\n"
  );
}
