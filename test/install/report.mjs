// docs/install-matrix.md, from what each section found when it ran last.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const marks = { green: "✓", red: "✗", named: "–" };

/** Text for a table's cell. */
const oneLine = (text) => text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|").slice(0, 300);

function table({ columns, rows }) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const shown = rows.map(({ name, cells }) =>
    line([name, ...cells.map(({ state, text }) => `${marks[state]} ${oneLine(text)}`.trim())]),
  );
  return [line(["", ...columns]), line(["---", ...columns.map(() => "---")]), ...shown].join("\n");
}

/** Keeps what a section found, beside what the others found before. */
export function keep(file, name, section) {
  const record = read(file);
  record[name] = section;
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(record, null, 2));
}

export function read(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return {};
    throw error;
  }
}

/** The page. */
export function page(record, names) {
  const sections = names.flatMap((name) => (record[name] === undefined ? [] : [record[name]]));
  const states = sections.flatMap(({ rows }) => rows.flatMap(({ cells }) => cells.map(({ state }) => state)));
  const count = (state) => states.filter((entry) => entry === state).length;
  const head = `# Install matrix

Written by \`npm run test:install\`: every package is packed as it is published, put into a registry on the same machine, and
installed from there into empty folders, with install scripts off. ✓ works, ✗ fails, – cannot be run on the machine that wrote
this page, with the reason. ${count("green")} ✓, ${count("red")} ✗, ${count("named")} –.
`;
  const parts = sections.map(
    (section) => `## ${section.title}\n\n${section.note} ${section.where}\n\n${table(section)}\n`,
  );
  return [head, ...parts].join("\n");
}
