import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseAllDocuments, parse as parseYaml } from "yaml";

import { getDeployCheckers } from "../../scripts/get-deploy-checkers.mjs";
import { routes } from "../../src/server/router.js";
import { runCli } from "../cli/support.js";
import { root, temporaryFolder } from "../native/support.js";
import { startServer } from "../server/start-server.js";
import { missing, readPlist, verifyUnit } from "./support.js";

const deploy = path.join(root, "deploy");
const read = (...parts: string[]): string => readFileSync(path.join(deploy, ...parts), "utf8");
const checkers = await getDeployCheckers();

interface Container {
  args: string[];
  [probe: string]: unknown;
}

const manifests = readdirSync(path.join(deploy, "kubernetes"))
  .filter((name) => name !== "kustomization.yaml" && name !== "prometheus-adapter.yaml")
  .map((name) => path.join(deploy, "kubernetes", name));
const deployment = parseYaml(read("kubernetes", "deployment.yaml")) as {
  spec: { template: { spec: { containers: [Container]; terminationGracePeriodSeconds: number } } };
};
const pod = deployment.spec.template.spec;
const dockerfile = read("Dockerfile");
const entrypoint = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1] as string) as string[];

describe.skipIf(checkers.path === undefined)(`by other programs ${checkers.reason ?? ""}`, () => {
  const { python = "", path: folder = "" } = checkers as { python?: string; path?: string };
  const bin = path.join(folder, "bin");
  const env = { ...process.env, PYTHONPATH: folder };
  const check = (program: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)(python, [path.join(bin, program), ...args], { env });

  it.each(manifests)("%s is what Kubernetes takes", async (file) => {
    await check("kubernetes-validate", "--strict", file);
  });

  it("hadolint has nothing to say of the Dockerfile", async () => {
    // A program that is no Python.
    const { stdout } = await promisify(execFile)(path.join(bin, "hadolint"), [
      path.join(deploy, "Dockerfile"),
    ]);
    expect(stdout).toBe("");
  });
});

describe.skipIf(missing("systemd-analyze"))(`the system's unit ${missing("systemd-analyze")}`, () => {
  const folder = temporaryFolder();
  const unit = path.join(folder, "candle-embed.service");
  copyFileSync(path.join(deploy, "systemd", "candle-embed.service"), unit);

  it("is one that systemd takes", () => {
    expect(verifyUnit(unit, folder)).toBe("");
  });

  it("leaves the server as little as it can do with", () => {
    const args = ["security", "--offline=true", "--threshold=15", unit];
    expect(() => execFileSync("systemd-analyze", args, { stdio: "ignore" })).not.toThrow();
  });
});

/** What stands after `serve` in each of the files. */
const commandLines = (): [file: string, args: string[]][] => {
  const [, line] =
    /^ExecStart=\S+ candle-embed serve (.*)$/m.exec(read("systemd", "candle-embed.service")) ?? [];
  const plist = /<string>serve<\/string>([^]*?)<\/array>/.exec(
    read("launchd", "org.candle-embed.server.plist"),
  )?.[1];
  const container = entrypoint.slice(entrypoint.indexOf("serve") + 1);
  return [
    [
      "Dockerfile",
      [...container, ...(JSON.parse(/^CMD (.*)$/m.exec(dockerfile)?.[1] as string) as string[])],
    ],
    ["kubernetes/deployment.yaml", [...container, ...pod.containers[0].args]],
    ["systemd/candle-embed.service", (line as string).split(" ")],
    [
      "launchd",
      Array.from((plist as string).matchAll(/<string>(.*)<\/string>/g), ([, text]) => text as string),
    ],
  ];
};

describe("the files and the server agree", () => {
  it.each(commandLines())("%s has options that serve knows", async (_, args) => {
    const keys = args.findIndex((arg) => arg.startsWith("--api-key-file"));
    expect(keys).not.toBe(-1);
    // Everything is taken but the file of keys, which is not on this machine.
    const { code, stderr } = await runCli(["serve", ...args]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/ENOENT.*keys/);
  });

  it("probes and scrapes what there is", async () => {
    const paths = ["startupProbe", "readinessProbe", "livenessProbe"].map(
      (name) => (pod.containers[0][name] as { httpGet: { path: string } }).httpGet.path,
    );
    expect(paths).toEqual(["/ready", "/ready", "/health"]);
    const open = routes.filter(({ isOpen }) => isOpen !== undefined).map((route) => route.path);
    expect(open).toEqual(expect.arrayContaining(paths));
    const metric = /name: (te_\w+)/.exec(read("kubernetes", "horizontal-pod-autoscaler.yaml"))?.[1] as string;
    expect(read("kubernetes", "prometheus-adapter.yaml")).toContain(`seriesQuery: ${metric}{`);
    const { url, stop } = await startServer("--metrics", "public");
    onTestFinished(stop);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain(`\n${metric}{`);
  });

  it("gives a server that drains more time than it takes", () => {
    const milliseconds = pod.containers[0].args
      .map((arg) => Number(/^--drain-\w+=(\d+)$/.exec(arg)?.[1] ?? 0))
      .reduce((a, b) => a + b);
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(milliseconds);
    const compose = parseYaml(read("compose.yaml")) as { services: { server: Record<string, unknown> } };
    expect(compose.services.server["stop_grace_period"]).toBe("40s");
  });

  it("names resources that are there", () => {
    const kustomization = parseYaml(read("kubernetes", "kustomization.yaml")) as { resources: string[] };
    const resources = kustomization.resources.map((name) => path.join(deploy, "kubernetes", name));
    expect(manifests).toEqual(expect.arrayContaining(resources));
    for (const file of manifests) expect(parseAllDocuments(readFileSync(file, "utf8"))).toHaveLength(1);
  });
});

describe.skipIf(missing("python3"))(`the LaunchDaemon ${missing("python3")}`, () => {
  it("is a property list with what launchd needs", () => {
    expect(readPlist(read("launchd", "org.candle-embed.server.plist"))).toMatchObject({
      Label: "org.candle-embed.server",
      UserName: "_candle-embed",
      RunAtLoad: true,
      KeepAlive: true,
    });
  });
});

describe.runIf(process.platform === "linux")("the image's content", () => {
  it("works as the Dockerfile lays it out, with nothing beside it", async () => {
    const out = temporaryFolder();
    const [, layout] = /^RUN (mkdir -p \/out[^]*?[^\\])\n\n/m.exec(dockerfile) ?? [];
    execFileSync("bash", ["-euc", (layout as string).replaceAll("/out", out)], { cwd: root });
    const main = entrypoint.find((part) => part.endsWith("main.js"))?.replace(/^\/app/, out) as string;
    const { stdout } = await promisify(execFile)(process.execPath, [main, "embed", "a text"], {
      cwd: "/",
      env: { HOME: "/nonexistent" },
    });
    expect(stdout).toContain('"tokens":4,');
  });
});
