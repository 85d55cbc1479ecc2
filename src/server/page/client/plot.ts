import { makeSvg } from "./elements.js";

const WIDTH = 300;
const HEIGHT = 80;

/** A line of a plot; NaN leaves a gap. */
export interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

/** Draws lines into a drawing, the newest value on the right, from 0 to the largest. */
export function drawPlot(svg: SVGSVGElement, series: readonly Series[], slots: number): void {
  const largest = Math.max(0, ...series.flatMap(({ values }) => values.filter(Number.isFinite)));
  const top = roundUp(largest);
  const lines = series.map(({ name, values }, index) => {
    const start = slots - values.length;
    const points = values.map((value, i) => {
      const x = ((start + i) / (slots - 1)) * WIDTH;
      return Number.isFinite(value)
        ? `${x.toFixed(1)},${(HEIGHT - (value / top) * (HEIGHT - 4)).toFixed(1)}`
        : undefined;
    });
    const path = makeSvg("path", { d: toPath(points), class: `line line-${String(index + 1)}` });
    path.append(makeSvg("title", {}, name));
    return path;
  });
  const axis = makeSvg("line", { x1: 0, y1: HEIGHT, x2: WIDTH, y2: HEIGHT, class: "axis" });
  svg.setAttribute("viewBox", `0 -2 ${String(WIDTH)} ${String(HEIGHT + 4)}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.replaceChildren(axis, ...lines);
}

/** A gap begins the line anew; a value alone is a dot, drawn as a line to itself. */
function toPath(points: readonly (string | undefined)[]): string {
  return points
    .map((point, i) => {
      if (point === undefined) return "";
      return points[i - 1] === undefined ? `M${point}L${point}` : `L${point}`;
    })
    .join("");
}

/** 1, 2 or 5 times a power of ten: the scale does not jump with every value. */
function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) as number) * power;
}
