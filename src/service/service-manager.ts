import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout } from "node:timers/promises";

import { CandleEmbedError } from "../errors.js";
import { launchAgent, launchLabel, launchLog } from "./launch-agent.js";
import { runProgram, type ProgramResult } from "./run-program.js";
import { STOP_SECONDS, type ServicePlan } from "./service-plan.js";
import { systemdUnit } from "./systemd-unit.js";

/** One user's service manager: systemd on Linux, launchd on macOS. */
export interface ServiceManager {
  /** The file that describes a service. */
  file(name: string): string;
  /** What {@link install} writes there. */
  render(plan: ServicePlan): string;
  /** Commands that start what the file describes, now and at every login. */
  startCommands(name: string): readonly ProgramCall[];
  /** Commands before the file is removed, and after. */
  stopCommands(name: string): readonly ProgramCall[];
  afterRemoval(): readonly ProgramCall[];
  /** The command that knows whether the service runs, and how its answer reads. */
  query(name: string): ProgramCall;
  isRunning(result: ProgramResult): boolean;
  /** Whether it is still about to stop; a service of that name cannot be started then. */
  isStopping(result: ProgramResult): boolean;
  /** Where to look and what to know, after an installation. */
  hints(name: string): readonly string[];
}

/** A program, its arguments, and whether it may fail: what has to be gone may be gone already. */
export interface ProgramCall {
  readonly program: string;
  readonly args: readonly string[];
  readonly mayFail?: boolean;
}

/** The user whose services are meant. */
export interface ServiceUser {
  readonly home: string;
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The service manager of a platform. */
export function serviceManager(platform: NodeJS.Platform, user: ServiceUser): ServiceManager {
  if (platform === "linux") return systemd(user);
  if (platform === "darwin") return launchd(user);
  throw new CandleEmbedError(
    "INVALID_INPUT",
    `services are installed on Linux (systemd) and macOS (launchd), not on ${platform}: run "candle-embed serve" with what starts programs there`,
  );
}

function systemd({ home, env }: ServiceUser): ServiceManager {
  const { XDG_CONFIG_HOME: given = "" } = env;
  const config = given === "" ? path.posix.join(home, ".config") : given;
  const folder = path.posix.join(config, "systemd", "user");
  const unit = (name: string): string => `candle-embed-${name}.service`;
  const systemctl = (...args: string[]): ProgramCall => ({ program: "systemctl", args: ["--user", ...args] });
  return {
    file: (name) => path.posix.join(folder, unit(name)),
    render: systemdUnit,
    startCommands: (name) => [systemctl("daemon-reload"), systemctl("enable", "--now", unit(name))],
    stopCommands: (name) => [{ ...systemctl("disable", "--now", unit(name)), mayFail: true }],
    afterRemoval: () => [systemctl("daemon-reload")],
    query: (name) => systemctl("is-active", unit(name)),
    isRunning: ({ output }) => output === "active",
    // "disable --now" waits.
    isStopping: () => false,
    hints: (name) => [
      `logs: journalctl --user --unit ${unit(name)} --follow`,
      "to keep it running without a login: loginctl enable-linger",
    ],
  };
}

function launchd({ home, uid }: ServiceUser): ServiceManager {
  const domain = `gui/${String(uid)}`;
  const file = (name: string): string =>
    path.posix.join(home, "Library", "LaunchAgents", `${launchLabel(name)}.plist`);
  const launchctl = (...args: string[]): ProgramCall => ({ program: "launchctl", args });
  return {
    file,
    render: (plan) => launchAgent(plan, home),
    startCommands: (name) => [
      // Whoever switched it off in the settings now wants it.
      launchctl("enable", `${domain}/${launchLabel(name)}`),
      launchctl("bootstrap", domain, file(name)),
    ],
    stopCommands: (name) => [{ ...launchctl("bootout", `${domain}/${launchLabel(name)}`), mayFail: true }],
    afterRemoval: () => [],
    query: (name) => launchctl("print", `${domain}/${launchLabel(name)}`),
    isRunning: ({ exitCode, output }) => exitCode === 0 && /^\s*state = running$/m.test(output),
    // "bootout" only asks; "bootstrap" fails while the old process drains.
    isStopping: ({ exitCode }) => exitCode === 0,
    hints: (name) => [`logs: ${launchLog(name, home)}`],
  };
}

/** Writes the service's file and starts the service; one of that name that runs is replaced. */
export async function installService(
  manager: ServiceManager,
  plan: ServicePlan,
  signal: AbortSignal,
): Promise<void> {
  const file = manager.file(plan.name);
  await stop(manager, plan.name, signal);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, manager.render(plan), { mode: 0o600 });
  await callAll(manager.startCommands(plan.name), signal);
}

/** Stops the service and removes its file. */
export async function uninstallService(
  manager: ServiceManager,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  await stop(manager, name, signal);
  await rm(manager.file(name), { force: true });
  await callAll(manager.afterRemoval(), signal);
}

async function stop(manager: ServiceManager, name: string, signal: AbortSignal): Promise<void> {
  await callAll(manager.stopCommands(name), signal);
  for (let second = 0; second < STOP_SECONDS; second++) {
    if (!manager.isStopping(await call(manager.query(name), signal))) return;
    await setTimeout(1000, undefined, { signal });
  }
}

/** Whether the service runs, and what the service manager says of it. */
export async function queryService(
  manager: ServiceManager,
  name: string,
  signal: AbortSignal,
): Promise<ProgramResult & { running: boolean }> {
  const result = await call(manager.query(name), signal);
  return { ...result, running: manager.isRunning(result) };
}

async function callAll(calls: readonly ProgramCall[], signal: AbortSignal): Promise<void> {
  for (const each of calls) {
    const { exitCode, output } = await call(each, signal);
    if (exitCode === 0 || each.mayFail === true) continue;
    const line = [each.program, ...each.args].join(" ");
    throw new CandleEmbedError(
      "INVALID_INPUT",
      `"${line}" failed (${String(exitCode)}): ${output || "it said nothing"}`,
    );
  }
}

async function call({ program, args }: ProgramCall, signal: AbortSignal): Promise<ProgramResult> {
  const result = await runProgram(program, args, signal);
  if (result !== undefined) return result;
  throw new CandleEmbedError(
    "INVALID_INPUT",
    `${program} is not here, so that nothing would start the service: --dry-run shows its file for another service manager`,
  );
}
