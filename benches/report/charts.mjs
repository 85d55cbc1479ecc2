// Charts without a library: bars are HTML that wraps on a phone, lines are SVG. Colours come from the page's variables.

/** @param {unknown} text */
export const escape = (text) =>
  String(text).replace(
    /[&<>"]/g,
    (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[character],
  );

/**
 * Bars with their values written beside them, longest first unless a short one is good.
 *
 * @param {{ name: string, value: number, label: string, note?: string, ours: boolean }[]} rows
 * @param {{ title: string, lowerIsBetter?: boolean }} options
 */
export function bars(rows, { title, lowerIsBetter = false }) {
  const sorted = [...rows].sort((a, b) => (lowerIsBetter ? a.value - b.value : b.value - a.value));
  const longest = Math.max(...rows.map(({ value }) => value));
  const items = sorted.map(({ name, value, label, note, ours }) => {
    const width = Math.max(0.5, (value / longest) * 100).toFixed(1);
    return (
      `<li class="${ours ? "ours" : "peer"}"><span class="name">${escape(name)}</span>` +
      `<span class="track"><span class="bar" style="width:${width}%"></span></span>` +
      `<span class="value">${escape(label)}${note === undefined ? "" : ` <small>${escape(note)}</small>`}</span></li>`
    );
  });
  const direction = lowerIsBetter ? "shorter is better" : "longer is better";
  return `<figure><figcaption>${escape(title)} <small>${direction}</small></figcaption><ul class="bars">${items.join("")}</ul></figure>`;
}

/**
 * Lines over a logarithmic axis, from zero upwards, named at their ends.
 *
 * @param {{ name: string, points: [number, number][] }[]} series
 * @param {{ title: string, x: string, y: string, right?: number }} options right: room for the names
 */
export function lines(series, { title, x, y, right = 84 }) {
  const [width, height, left, bottom, top] = [640, 320, 72, 44, 16];
  const all = series.flatMap(({ points }) => points);
  const xs = [...new Set(all.map(([value]) => value))].sort((a, b) => a - b);
  const ys = ticks(Math.max(...all.map(([, value]) => value)));
  const [x0, x1] = [Math.log10(xs[0]), Math.log10(xs.at(-1))];
  const px = (value) => left + ((Math.log10(value) - x0) / (x1 - x0 || 1)) * (width - left - right);
  const py = (value) => height - bottom - (value / ys.at(-1)) * (height - bottom - top);
  const grid = [
    ...xs.map((value) => {
      const at = px(value).toFixed(1);
      return `<line x1="${at}" x2="${at}" y1="${top}" y2="${height - bottom}"/><text x="${at}" y="${height - bottom + 16}" text-anchor="middle">${value}</text>`;
    }),
    ...ys.map((value) => {
      const at = py(value).toFixed(1);
      return `<line x1="${left}" x2="${width - right}" y1="${at}" y2="${at}"/><text x="${left - 6}" y="${at}" dy="4" text-anchor="end">${value}</text>`;
    }),
  ];
  const drawn = series.map(({ name, points }, i) => {
    const path = points.map(([a, b]) => `${px(a).toFixed(1)},${py(b).toFixed(1)}`).join(" ");
    const circles = points.map(
      ([a, b]) => `<circle cx="${px(a).toFixed(1)}" cy="${py(b).toFixed(1)}" r="3.5"/>`,
    );
    const [lastX, lastY] = points.at(-1);
    const label = `<text x="${(px(lastX) + 8).toFixed(1)}" y="${py(lastY).toFixed(1)}" dy="4">${escape(name)}</text>`;
    return `<g class="series s${i}"><polyline points="${path}"/>${circles.join("")}${label}</g>`;
  });
  return (
    `<figure><figcaption>${escape(title)}</figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">` +
    `<g class="grid">${grid.join("")}</g>${drawn.join("")}` +
    `<text class="axis" x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle">${escape(x)}</text>` +
    `<text class="axis" transform="translate(14 ${(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">${escape(y)}</text></svg></figure>`
  );
}

/** Four to eight round numbers from zero to what is not below the highest value. */
function ticks(highest) {
  const power = 10 ** Math.floor(Math.log10(highest / 4));
  const step = power * ([1, 2, 5].find((digit) => highest / (digit * power) <= 8) ?? 10);
  return Array.from({ length: Math.ceil(highest / step) + 1 }, (_, i) => i * step);
}

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
export function htmlTable(head, rows) {
  const line = (cells, tag) => `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table><thead>${line(head, "th")}</thead><tbody>${rows.map((row) => line(row, "td")).join("")}</tbody></table></div>`;
}
