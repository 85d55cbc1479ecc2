import { checkMembers, isArray, isString } from "../../backends/check-options.js";
import type { SweepPoint, SweepReport } from "./sweep.js";

const width = 900;
const height = 520;
const area = { left: 70, right: 262, top: 60, bottom: 70 };

/** Colour tells the output, the dash the arithmetic; told apart by people who do not see all colours (Okabe and Ito). */
const colours: Readonly<Record<SweepPoint["output"], string>> = {
  float32: "#0072b2",
  int8: "#009e73",
  binary: "#d55e00",
  "binary+rescore": "#cc79a7",
};

/** Dash and marker of the first arithmetic, the second ... */
const styles = [
  { dash: "", filled: true },
  { dash: "6 4", filled: false },
] as const;

/**
 * A sweep as SVG: quality against the bytes of a vector (logarithmic), a line for each output and arithmetic along the
 * lengths.
 *
 * @throws CandleEmbedError `INVALID_INPUT` for what is no report of `sweep`.
 */
export function plotSweep(report: SweepReport): string {
  checkMembers("a report of sweep", report, { points: isArray, modelId: isString, dataset: isString });
  const { points, modelId, dataset, metric } = report;
  const x = logScale(points.map(({ bytesPerVector }) => bytesPerVector));
  const y = linearScale(points.map(({ quality }) => quality));
  const dtypes = [...new Set(points.map(({ dtype }) => dtype))];
  const series = dtypes.flatMap((dtype, index) =>
    (Object.keys(colours) as SweepPoint["output"][]).flatMap((output) => {
      const own = points.filter((point) => point.dtype === dtype && point.output === output);
      return own.length === 0 ? [] : [{ name: `${output} (model ${dtype})`, output, own, style: index % 2 }];
    }),
  );
  const marks = series.map(({ own, output, style }) => {
    const places = own.map((point) => ({
      point,
      at: [x.place(point.bytesPerVector), y.place(point.quality)] as const,
    }));
    const { dash, filled } = styles[style] ?? styles[0];
    const colour = colours[output];
    const line = places.map(({ at }) => at.map((each) => each.toFixed(1)).join(",")).join(" ");
    const dots = places.map(
      ({ at: [cx, cy], point }) =>
        `<circle cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="4" fill="${filled ? colour : "#fff"}" stroke="${colour}" ` +
        `stroke-width="2"><title>${escape(describe(point, metric))}</title></circle>`,
    );
    return (
      `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>` +
      dots.join("")
    );
  });
  const legend = series.map(({ name, output, style }, index) => {
    const top = area.top + 10 + 24 * index;
    const left = width - area.right + 18;
    const { dash, filled } = styles[style] ?? styles[0];
    const colour = colours[output];
    return (
      `<line x1="${String(left)}" x2="${String(left + 28)}" y1="${String(top)}" y2="${String(top)}" stroke="${colour}" ` +
      `stroke-width="2" stroke-dasharray="${dash}"/><circle cx="${String(left + 14)}" cy="${String(top)}" r="4" ` +
      `fill="${filled ? colour : "#fff"}" stroke="${colour}" stroke-width="2"/>` +
      `<text x="${String(left + 36)}" y="${String(top + 4)}">${escape(name)}</text>`
    );
  });
  const speeds = dtypes.map((dtype) => {
    const { textsPerSecond = 0, peakBytes = 0 } = points.find((point) => point.dtype === dtype) ?? {};
    return `${dtype}: ${textsPerSecond.toFixed(0)} texts/s, peak ${(peakBytes / 1e6).toFixed(0)} MB`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(height)}" ` +
      `font-family="system-ui, sans-serif" font-size="12" fill="#222" role="img" ` +
      `aria-label="${escape(`${metric} of ${modelId} on ${dataset} against bytes per vector`)}">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${String(area.left)}" y="24" font-size="16" font-weight="600">${escape(`${modelId} on ${dataset}`)}</text>`,
    `<text x="${String(area.left)}" y="44" fill="#555">${escape(speeds.join("  ·  "))}</text>`,
    ...x.ticks.map((tick) => verticalTick(x.place(tick), String(tick))),
    ...y.ticks.map((tick) => horizontalTick(y.place(tick), tick.toFixed(y.digits))),
    `<text x="${String((area.left + width - area.right) / 2)}" y="${String(height - 22)}" text-anchor="middle">bytes per vector (logarithmic)</text>`,
    `<text transform="translate(18 ${String((area.top + height - area.bottom) / 2)}) rotate(-90)" text-anchor="middle">${metric === "spearman" ? "Spearman" : "nDCG@10"}</text>`,
    ...marks,
    ...legend,
    "</svg>\n",
  ].join("\n");
}

interface Scale {
  readonly place: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Powers of two on the way from the least to the most. */
function logScale(values: readonly number[]): Scale {
  const low = Math.floor(Math.log2(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log2(Math.max(...values))));
  const span = width - area.left - area.right;
  return {
    place: (value) => area.left + (span * (Math.log2(value) - low)) / (high - low),
    ticks: Array.from({ length: high - low + 1 }, (_, index) => 2 ** (low + index)),
  };
}

function linearScale(values: readonly number[]): Scale & { readonly digits: number } {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const step = niceStep((high - low || 0.1) / 6);
  const [from, to] = [Math.floor(low / step), Math.ceil(high / step)];
  const least = from === to ? from - 1 : from;
  const span = height - area.top - area.bottom;
  return {
    place: (value) => height - area.bottom - (span * (value / step - least)) / (to - least),
    ticks: Array.from({ length: to - least + 1 }, (_, index) => (least + index) * step),
    digits: Math.max(0, -Math.floor(Math.log10(step))),
  };
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10);
}

function verticalTick(at: number, label: string): string {
  const bottom = height - area.bottom;
  return (
    `<line x1="${at.toFixed(1)}" x2="${at.toFixed(1)}" y1="${String(area.top)}" y2="${String(bottom)}" stroke="#e5e5e5"/>` +
    `<text x="${at.toFixed(1)}" y="${String(bottom + 18)}" text-anchor="middle">${label}</text>`
  );
}

function horizontalTick(at: number, label: string): string {
  return (
    `<line x1="${String(area.left)}" x2="${String(width - area.right)}" y1="${at.toFixed(1)}" y2="${at.toFixed(1)}" ` +
    `stroke="#e5e5e5"/><text x="${String(area.left - 8)}" y="${(at + 4).toFixed(1)}" text-anchor="end">${label}</text>`
  );
}

function describe(
  { dtype, dimensions, output, bytesPerVector, quality }: SweepPoint,
  metric: string,
): string {
  return (
    `${output}, ${String(dimensions)} dimensions, model ${dtype}: ` +
    `${metric} ${quality.toFixed(4)}, ${String(bytesPerVector)} bytes`
  );
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
