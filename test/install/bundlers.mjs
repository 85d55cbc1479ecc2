// Bundlers and frameworks, with candle-embed external as docs/bundlers.md says: an addon and a model's files are not what a
// bundle can hold.
import { existsSync, renameSync, rmSync } from "node:fs";
import path from "node:path";

import { cell, NotHere } from "./cells.mjs";
import { makeProject, npmInstall, runProgram, write } from "./project.mjs";
import { answer, commonjs, readme } from "./programs.mjs";
import { freePort, run, startServer } from "./process.mjs";
import { bundlers } from "./tools.mjs";

const node = process.execPath;
/** A program of a package that is installed in the project. */
const bin = (project, file) => path.join(project, "node_modules", file);

/** Each builds the program in an own project and runs what came out. */
const builds = {
  "esbuild, ESM": async (project) => {
    const args = ["program.mjs", "--bundle", "--platform=node", "--format=esm", "--external:candle-embed"];
    await run(bin(project, "esbuild/bin/esbuild"), [...args, "--outfile=dist/out.mjs"], { cwd: project });
    await runProgram(node, ["dist/out.mjs"], project);
  },
  "esbuild, CommonJS": async (project) => {
    const args = ["program.cjs", "--bundle", "--platform=node", "--format=cjs", "--external:candle-embed"];
    await run(bin(project, "esbuild/bin/esbuild"), [...args, "--outfile=dist/out.cjs"], { cwd: project });
    await runProgram(node, ["dist/out.cjs"], project);
  },
  "Vite, SSR": async (project) => {
    await run(node, [bin(project, "vite/bin/vite.js"), "build", "--ssr", "program.mjs"], { cwd: project });
    await runProgram(node, ["dist/program.mjs"], project);
  },
  webpack: async (project) => {
    write(
      project,
      "webpack.config.cjs",
      `module.exports = { mode: "production", target: "node", entry: "./program.cjs",
        externals: [/^candle-embed(\\/|$)/], externalsType: "commonjs", output: { filename: "out.cjs" } };`,
    );
    // A subpath, which an external of the bare name would not hold.
    write(project, "program.cjs", `require("candle-embed/chunking");\n${commonjs}`);
    await run(node, [bin(project, "webpack-cli/bin/cli.js")], { cwd: project });
    await runProgram(node, ["dist/out.cjs"], project);
  },
  "Next, route handler": async (project) => {
    write(
      project,
      "next.config.mjs",
      `export default { serverExternalPackages: ["candle-embed"], output: "standalone",
        outputFileTracingRoot: import.meta.dirname, turbopack: { root: import.meta.dirname } };`,
    );
    write(project, "app/layout.js", `export default ({ children }) => <html><body>{children}</body></html>;`);
    write(project, "app/page.js", `export default () => <p>candle-embed</p>;`);
    const body = readme
      .replace(/^import .*$/m, "")
      .replace(/console\.log\((.*)\);/, "lines.push([$1].join(' '));");
    write(
      project,
      "app/embed/route.js",
      `import { NativeBackend, topK } from "candle-embed";
      export const dynamic = "force-dynamic";
      export async function GET() { const lines = []; ${body}
      return new Response(lines.join("\\n")); }`,
    );
    const next = bin(project, "next/dist/bin/next");
    const env = { NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: undefined };
    await run(node, [next, "build"], { cwd: project, env });
    // As it is deployed: what Next took along, and nothing else.
    const deployed = path.join(path.dirname(project), `${path.basename(project)}-deployed`);
    renameSync(path.join(project, ".next/standalone"), deployed);
    rmSync(project, { recursive: true });
    const server = await startServer(node, ["server.js"], {
      cwd: deployed,
      env: { ...env, HOSTNAME: "127.0.0.1", PORT: String(await freePort()) },
    });
    try {
      const text = await (await fetch(new URL("/embed", server.url))).text();
      if (!answer.test(text)) throw new Error(`the route answered: ${text.slice(0, 1000)}`);
    } finally {
      await server.stop();
    }
  },
  "Electron, main process": async (project) => {
    const electron = bin(project, "electron");
    try {
      // Its own script, which the install did not run: it downloads the program.
      await run(node, [path.join(electron, "install.js")], { cwd: project, timeoutMs: 120_000 });
    } catch (error) {
      throw new NotHere(
        `its program could not be downloaded (${String(error.message).match(/[A-Z]{5,}|getaddrinfo \S+|HTTPError.*/)?.[0] ?? "no network"})`,
      );
    }
    const program = ["electron", "electron.exe", "Electron.app/Contents/MacOS/Electron"]
      .map((name) => path.join(electron, "dist", name))
      .find(existsSync);
    if (program === undefined) throw new NotHere("its program could not be downloaded");
    write(
      project,
      "package.json",
      JSON.stringify({ name: "electron-main", version: "1.0.0", main: "main.cjs" }),
    );
    write(
      project,
      "main.cjs",
      `${commonjs.replace("})();", '})().then(() => require("electron").app.exit(0));')}`,
    );
    await runProgram(program, ["--no-sandbox", "--ozone-platform=headless", "--disable-gpu", "."], project);
  },
};

/** @param {import("./project.mjs").Context} context */
export async function bundlersSection(context) {
  const rows = [];
  for (const [index, [name, build]] of Object.entries(builds).entries()) {
    const packages = bundlers[name.split(/[ ,]/)[0].toLowerCase()];
    const project = makeProject(context, `bundler-${index}`);
    const task = async () => {
      await npmInstall(context, project, ["candle-embed", ...packages]);
      await build(project);
    };
    rows.push({ name: `${packages[0].replace("@", " ")} (${name})`, cells: [await cell(task)] });
  }
  const note =
    "Each builds the README's program with candle-embed external ([how](bundlers.md)) and runs what came out.";
  return { title: "Bundlers and frameworks", note, columns: ["build and run"], rows };
}
