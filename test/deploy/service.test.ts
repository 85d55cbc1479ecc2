import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, vi } from "vitest";

import { launchAgent } from "../../src/service/launch-agent.js";
import { installService, serviceManager, uninstallService } from "../../src/service/service-manager.js";
import { checkServicePlan, lastingNode, type ServicePlan } from "../../src/service/service-plan.js";
import { systemdUnit } from "../../src/service/systemd-unit.js";
import { root, temporaryFolder } from "../native/support.js";
import { fakeProgram, missing, readPlist, verifyUnit } from "./support.js";

const awkward = `a "b" \\c %h $HOME <&> 'd'`;

const plan: ServicePlan = {
  name: "server",
  node: "/usr/bin/node",
  program: "/opt/candle-embed/dist/cli/main.js",
  serveArguments: ["--model", awkward],
  workingFolder: "/",
  environment: new Map([["HF_HOME", awkward]]),
};

describe.skipIf(missing("systemd-analyze"))(`the unit ${missing("systemd-analyze")}`, () => {
  it("is one that systemd takes, wherever Node is", () => {
    const folder = temporaryFolder();
    const bin = path.join(folder, "a b %h $HOME");
    mkdirSync(bin);
    const node = path.join(bin, "node");
    symlinkSync(process.execPath, node);
    const file = path.join(folder, "candle-embed-server.service");
    writeFileSync(file, systemdUnit({ ...plan, node, workingFolder: bin }));
    expect(verifyUnit(file, folder, "--user")).toBe("");
    // That a wrong path is noticed makes the silence worth something.
    writeFileSync(file, systemdUnit({ ...plan, node: `${node}-not-there` }));
    expect(verifyUnit(file, folder, "--user")).toContain("not executable");
  });
});

describe.skipIf(missing("python3"))(`the LaunchAgent ${missing("python3")}`, () => {
  it("reads back as what was asked for", () => {
    expect(readPlist(launchAgent(plan, "/Users/me"))).toMatchObject({
      Label: "org.candle-embed.server",
      ProgramArguments: ["/usr/bin/node", plan.program, "serve", "--model", awkward],
      EnvironmentVariables: { HF_HOME: awkward, PATH: "/usr/bin:/opt/homebrew/bin:/usr/local/bin:/bin" },
      WorkingDirectory: "/",
      RunAtLoad: true,
      KeepAlive: true,
      StandardErrorPath: "/Users/me/Library/Logs/org.candle-embed.server.log",
    });
  });
});

/** Runs `candle-embed service` for a user of its own, with these programs in the PATH. */
function runService(
  home: string,
  bin: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { HOME: home, PATH: `${bin}:/usr/bin:/bin`, COLOUR: "blue" };
  return new Promise((resolve) => {
    const main = path.join(root, "dist/cli/main.js");
    execFile(process.execPath, [main, "service", ...args], { env, cwd: home }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe.runIf(process.platform === "linux")("candle-embed service, on Linux", () => {
  it("installs, tells the state, replaces and removes", async () => {
    const home = temporaryFolder();
    const { calls } = fakeProgram(home, "systemctl", '[ "$2" != is-active ] || echo active');
    const unit = path.join(home, ".config/systemd/user/candle-embed-server.service");

    const before = await runService(home, home, "status");
    expect(before).toMatchObject({
      code: 1,
      stderr: `candle-embed: FAILED: no service server is installed (${unit})\n`,
    });

    const options = ["install", "--env", "COLOUR", "--env", "N=1", "--", "--port", "8123"];
    const installed = await runService(home, home, ...options);
    expect(installed).toMatchObject({ code: 0, stdout: `${unit}\n` });
    expect(installed.stderr).toContain("enable-linger");
    const text = readFileSync(unit, "utf8");
    expect(text).toContain(`"${path.join(root, "dist/cli/main.js")}" "serve" "--port" "8123"`);
    expect(text).toContain(`WorkingDirectory=${home}\nEnvironment="COLOUR=blue"\nEnvironment="N=1"\n`);
    expect(statSync(unit).mode & 0o777).toBe(0o600);

    expect(await runService(home, home, "status")).toMatchObject({ code: 0, stdout: `${unit}: running\n` });
    expect(await runService(home, home, "install")).toMatchObject({ code: 0 });
    expect(readFileSync(unit, "utf8")).not.toContain("8123");
    expect(await runService(home, home, "uninstall")).toMatchObject({ code: 0, stderr: `removed ${unit}\n` });
    expect(existsSync(unit)).toBe(false);
    expect(await runService(home, home, "uninstall")).toMatchObject({ code: 0 });

    const name = "candle-embed-server.service";
    const [stop, query] = [`--user disable --now ${name}`, `--user is-active ${name}`];
    const start = [stop, query, "--user daemon-reload", `--user enable --now ${name}`];
    const remove = [stop, query, "--user daemon-reload"];
    expect(calls()).toEqual([...start, query, query, ...start, query, ...remove, ...remove]);
  });

  it("tells of a server that does not stay up", async () => {
    const home = temporaryFolder();
    fakeProgram(home, "systemctl", '[ "$2" != is-active ] || { echo activating; exit 3; }');
    const { code, stderr } = await runService(home, home, "install", "--", "--port", "80");
    expect(code).toBe(1);
    expect(stderr).toContain("does not stay up");
    expect(stderr).toContain("journalctl --user --unit candle-embed-server.service");
  });

  it("prints with --dry-run what it would write, and leaves everything alone", async () => {
    const home = temporaryFolder();
    const { calls } = fakeProgram(home, "systemctl", "");
    const { code, stdout } = await runService(home, home, "install", "--dry-run", "--name", "second");
    expect(code).toBe(0);
    expect(stdout).toContain('"serve"\n');
    expect(existsSync(path.join(home, ".config"))).toBe(false);
    expect(calls()).toEqual([]);
  });

  it("says what the service manager says", async () => {
    const home = temporaryFolder();
    fakeProgram(home, "systemctl", 'echo "Failed to connect to bus" >&2; exit 1');
    const { code, stderr } = await runService(home, home, "install");
    expect(code).toBe(1);
    expect(stderr).toContain('"systemctl --user daemon-reload" failed (1): Failed to connect to bus');
    const status = await runService(home, home, "status");
    expect(status).toMatchObject({ code: 1 });
    expect(status.stderr).toContain("is installed but does not run: Failed to connect to bus");
  });

  it.each([
    [["install", "--env", "API_KEY=1"], 2, "API_KEY looks like a secret"],
    [["install", "--env", "NOT_THERE"], 2, "there is no such variable here"],
    [["install", "--env", "a b=1"], 2, "is no name of a variable"],
    [["install", "--name", "../../x"], 2, "a service's name has"],
    [["install", "--", "--model", "a\nExecStartPre=/bin/false"], 2, "line breaks"],
    [["install", "--port", "80"], 2, "--port"],
    [["install", "8080"], 2, "stand after --"],
    [["uninstall", "--", "--port", "80"], 2, "what stands after -- is for install"],
    [["status", "--dry-run"], 2, "--dry-run is for install"],
    [["start"], 2, "install, uninstall or status"],
    [[], 2, "install, uninstall or status"],
  ])("refuses %j", async (args, code, message) => {
    const home = temporaryFolder();
    const { calls } = fakeProgram(home, "systemctl", "");
    const result = await runService(home, home, ...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(message);
    expect(result.stderr.split("\n")).toHaveLength(2);
    expect(calls()).toEqual([]);
  });
});

describe("the service of macOS", () => {
  const signal = new AbortController().signal;

  it("waits until the old process has gone before it starts the new one", async () => {
    const home = temporaryFolder();
    const { calls } = fakeProgram(
      home,
      "launchctl",
      // "print" finds the old service once more, then no longer.
      `[ "$1" != print ] || { [ ! -e '${home}/asked' ] && : > '${home}/asked'; }`,
    );
    vi.stubEnv("PATH", `${home}:/usr/bin:/bin`);
    try {
      const manager = serviceManager("darwin", { home, uid: 501, env: {} });
      await installService(manager, plan, signal);
      const file = path.join(home, "Library/LaunchAgents/org.candle-embed.server.plist");
      expect(manager.file("server")).toBe(file);
      expect(readFileSync(file, "utf8")).toBe(launchAgent(plan, home));
      const label = "gui/501/org.candle-embed.server";
      expect(calls()).toEqual([
        `bootout ${label}`,
        `print ${label}`,
        `print ${label}`,
        `enable ${label}`,
        `bootstrap gui/501 ${file}`,
      ]);
      await uninstallService(manager, "server", signal);
      expect(existsSync(file)).toBe(false);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it("knows a running service by launchd's answer", () => {
    const manager = serviceManager("darwin", { home: "/Users/me", uid: 501, env: {} });
    const output =
      "gui/501/org.candle-embed.server = {\n\tactive count = 1\n\tstate = running\n\n\tpid = 1\n}";
    expect(manager.isRunning({ exitCode: 0, output })).toBe(true);
    expect(manager.isRunning({ exitCode: 0, output: output.replace("running", "not running") })).toBe(false);
    expect(manager.isRunning({ exitCode: 113, output: "Could not find service" })).toBe(false);
  });
});

it("has no services on other systems, and says so", () => {
  expect(() => serviceManager("win32", { home: "C:\\", uid: 0, env: {} })).toThrow(/not on win32/);
});

it("is not installed from npx, whose folder does not last", () => {
  const program = path.join("/home/me/.npm/_npx/1a2b/node_modules/candle-embed/dist/cli/main.js");
  expect(() => checkServicePlan({ ...plan, program })).toThrow(/install candle-embed/);
});

it("names Homebrew's Node by the link that outlives an update", () => {
  const prefix = temporaryFolder();
  const node = path.join(prefix, "Cellar/node@22/22.1.0/bin/node");
  expect(lastingNode(node)).toBe(node);
  const link = path.join(prefix, "opt/node@22/bin");
  mkdirSync(link, { recursive: true });
  writeFileSync(path.join(link, "node"), "");
  expect(lastingNode(node)).toBe(path.join(link, "node"));
  expect(lastingNode("/usr/bin/node")).toBe("/usr/bin/node");
});
