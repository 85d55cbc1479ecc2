// Pictures for pages that cannot have the report's style sheet: SVG files with colours of their own, light and dark.
import { number, megabytes, percent } from "../lib/report.mjs";
import { escape } from "./charts.mjs";

const WIDTH = 640;
/** Room for the longest name of an engine, 34 letters. */
const NAME = 272;
const BAR = 200;
const ROW = 24;

/** More rows do not fit on a screen beside what they are about. */
const MOST_PEERS = 8;

/**
 * Speed and memory of the fastest engines, candle-embed's always among them.
 *
 * @param {Map<string, any[]>} record
 * @returns {string} an SVG document
 */
export function speedAndMemory(record) {
  const files = record.get("throughput").filter(({ model }) => model === "minilm");
  const { workload, machine, threads } = files.find((file) => file.workload.name === "mixed") ?? files[0];
  const engines = Object.entries(workload.engines).sort(
    ([, a], [, b]) => b.textsPerSecond.median - a.textsPerSecond.median,
  );
  const peers = engines.filter(([, { ours }]) => !ours);
  const slower = new Set(peers.slice(MOST_PEERS).map(([name]) => name));
  const shown = engines.filter(([name]) => !slower.has(name));
  const memory = record.get("memory").find(({ model }) => model === "minilm");
  const used = new Map(memory?.engines.map(({ name, rss }) => [name, rss]));
  const panels = [
    {
      title: `Texts a second, ${workload.name} lengths`,
      rows: shown.map(([name, { ours, textsPerSecond, cosine }]) => ({
        name,
        ours,
        value: textsPerSecond.median,
        label: number(textsPerSecond.median),
        note: `cosine ${cosine.mean.toFixed(4)}`,
      })),
    },
    {
      title: "Memory of the process, MB: less is better",
      rows: engines
        .filter(([name]) => used.has(name))
        .map(([name, { ours }]) => ({
          name,
          ours,
          value: used.get(name),
          label: megabytes(used.get(name)),
        })),
    },
  ].filter(({ rows }) => rows.length > 0);
  return picture("Speed and memory of all-MiniLM-L6-v2", panels, [
    `${machine.cpu}, ${threads} threads, Node ${machine.node}.`,
    "Cosines are to sentence-transformers in float32." +
      (slower.size === 0 ? "" : ` Slower peers, ${slower.size}: in the report.`),
  ]);
}

/**
 * How much of the time of a call the machine's peak would need for the multiplications alone.
 *
 * @param {Map<string, any[]>} record
 * @returns {string} an SVG document
 */
export function shareOfPeak(record) {
  const files = record.get("throughput").filter(({ model }) => model === "minilm");
  const panel = (dtype) => ({
    title: `${dtype}: multiplications at peak rate, of a call's time`,
    most: 1,
    rows: files.flatMap(({ workload }) => {
      const row = Object.values(workload.engines).find((each) => each.ours && each.dtype === dtype);
      const tokens = (workload.tokens / workload.texts).toFixed(0);
      return row?.share === undefined
        ? []
        : [
            {
              name: `${workload.name} (${tokens} tokens)`,
              ours: true,
              value: row.share.median,
              label: percent(row.share.median),
            },
          ];
    }),
  });
  const { machine, threads } = files[0];
  return picture(
    "Where the time goes",
    [panel("float32"), panel("int8")].filter(({ rows }) => rows.length > 0),
    [`${machine.cpu}, ${threads} threads. The rest is everything else that a call does.`],
  );
}

/** Panels of bars below each other, and lines on where the figures are from. */
function picture(title, panels, origin) {
  const parts = [];
  let y = 16;
  for (const { title: heading, rows, most = Math.max(...rows.map(({ value }) => value)) } of panels) {
    parts.push(`<text class="heading" x="16" y="${y + 16}">${escape(heading)}</text>`);
    y += 30;
    for (const row of rows) {
      parts.push(bar(row, y, most));
      y += ROW;
    }
    y += 14;
  }
  for (const line of origin) {
    parts.push(`<text class="quiet" x="16" y="${y + 8}">${escape(line)}</text>`);
    y += 16;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 8}" role="img" aria-label="${escape(title)}">
<style>${STYLE}</style>
<rect class="paper" width="${WIDTH}" height="${y + 8}" rx="8"/>
${parts.join("\n")}
</svg>
`;
}

function bar({ name, ours, value, label, note }, y, most) {
  const width = Math.max(1, (value / most) * BAR).toFixed(1);
  const kind = ours ? "ours" : "peer";
  const small = note === undefined ? "" : `<tspan class="quiet" dx="8">${escape(note)}</tspan>`;
  return (
    `<g class="${kind}"><text x="16" y="${y + 14}">${escape(name)}</text>` +
    `<rect class="track" x="${NAME}" y="${y + 2}" width="${BAR}" height="15" rx="2"/>` +
    `<rect class="bar" x="${NAME}" y="${y + 2}" width="${width}" height="15" rx="2"/>` +
    `<text x="${NAME + BAR + 8}" y="${y + 14}">${escape(label)}${small}</text></g>`
  );
}

const STYLE = `
text { font: 13px system-ui, sans-serif; fill: #1b1c1e; }
.heading { font-weight: 600; font-size: 14px; }
.quiet { font-size: 11px; fill: #5c6066; }
.paper { fill: #fcfcfb; } .track { fill: #eceded; }
.peer .bar { fill: #8a97a6; } .ours .bar { fill: #b4430f; } .ours text { font-weight: 600; }
.ours .quiet { font-weight: 400; }
@media (prefers-color-scheme: dark) {
text { fill: #e8e8e6; } .quiet { fill: #a2a7ad; }
.paper { fill: #151618; } .track { fill: #26282b; }
.peer .bar { fill: #66727f; } .ours .bar { fill: #f08a4b; }
}
`;
