import { existsSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";

import {
  installService,
  queryService,
  serviceManager,
  uninstallService,
  type ServiceManager,
} from "../../service/service-manager.js";
import { checkServicePlan, lastingNode, type ServicePlan } from "../../service/service-plan.js";
import { asUsage } from "../as-usage.js";
import { CheckFailed, UsageError, type Command, type Context } from "../command.js";
import { parse, parseFilled } from "../parse.js";
import { write } from "../write.js";

const help = `Usage: candle-embed service install [options] [-- SERVE-OPTIONS...]
       candle-embed service uninstall [--name NAME]
       candle-embed service status [--name NAME]

Keeps "candle-embed serve" running for this user: started now, at every login and after a crash. On Linux by systemd
(a unit of "systemctl --user"), on macOS by launchd (a LaunchAgent). What stands after -- is handed to serve; relative
paths mean the folder where install is called. Installing again replaces the service.

Options:
      --name NAME          several services need several names (default: server)
      --env NAME[=VALUE]   a variable for the server, with the value it has here where none is given; keys are refused,
                           since the file can be read: name a file or a command that has them
      --dry-run            print the file that install would write, and do nothing

"status" prints the service's file and state; its exit code is 0 when the service runs, else 1.

Examples:
  candle-embed service install -- --port 8080 --model bge-small-en-v1.5
  candle-embed service install --env HF_HOME -- --api-key-file ~/.config/candle-embed/keys
  candle-embed service install --dry-run
  candle-embed service status && curl http://127.0.0.1:8080/health
  candle-embed service uninstall`;

/** In which a server that cannot start, for a wrong option or a port that is taken, has ended. */
const SETTLE_MS = 2000;

const options = {
  name: { type: "string", default: "server" },
  env: { type: "string", multiple: true },
  "dry-run": { type: "boolean" },
} as const;

/** `candle-embed service` */
export const service: Command = {
  help,
  options,
  operands: ["install", "uninstall", "status"],
  run,
};

async function run(args: readonly string[], context: Context): Promise<void> {
  const end = args.indexOf("--");
  const own = end === -1 ? args : args.slice(0, end);
  const { values, positionals } = parse(own, options);
  const [action, ...rest] = positionals;
  if (action !== "install" && action !== "uninstall" && action !== "status") {
    throw new UsageError(`service does install, uninstall or status, not ${action ?? "nothing"}`);
  }
  if (rest.length > 0)
    throw new UsageError(`the options of serve stand after --, unlike ${JSON.stringify(rest[0])}`);
  const forInstall = ["env", "dry-run"].find((name) => values[name as "env" | "dry-run"] !== undefined);
  if (action !== "install" && (forInstall !== undefined || end !== -1)) {
    throw new UsageError(
      `${forInstall === undefined ? "what stands after --" : `--${forInstall}`} is for install`,
    );
  }
  const plan: ServicePlan = {
    name: parseFilled("name", values.name) as string,
    node: lastingNode(process.execPath),
    program: path.join(__dirname, "..", "main.js"),
    serveArguments: end === -1 ? [] : args.slice(end + 1),
    workingFolder: process.cwd(),
    environment: new Map((values.env ?? []).map(parseVariable)),
  };
  asUsage(() => {
    checkServicePlan(plan);
  });
  const manager = serviceManager(process.platform, {
    home: homedir(),
    uid: process.getuid?.() ?? 0,
    env: process.env,
  });
  if (values["dry-run"] === true) {
    await write(context.stderr, `${manager.file(plan.name)} would be:\n`);
    return write(context.stdout, manager.render(plan));
  }
  if (action === "install") return install(manager, plan, context);
  if (action === "uninstall") return uninstall(manager, plan.name, context);
  return status(manager, plan.name, context);
}

async function install(
  manager: ServiceManager,
  plan: ServicePlan,
  { stdout, stderr, signal }: Context,
): Promise<void> {
  const { name } = plan;
  await installService(manager, plan, signal);
  await write(stdout, `${manager.file(name)}\n`);
  const hints = `${manager.hints(name).join("\n")}\n`;
  await setTimeout(SETTLE_MS, undefined, { signal });
  const { running } = await queryService(manager, name, signal);
  if (running) return write(stderr, `started\n${hints}`);
  await write(stderr, hints);
  throw new CheckFailed(
    `the service ${name} was installed, but its server does not stay up: its log says why`,
  );
}

async function uninstall(manager: ServiceManager, name: string, { stderr, signal }: Context): Promise<void> {
  const there = existsSync(manager.file(name));
  await uninstallService(manager, name, signal);
  await write(stderr, there ? `removed ${manager.file(name)}\n` : `no service ${name} was installed\n`);
}

async function status(manager: ServiceManager, name: string, { stdout, signal }: Context): Promise<void> {
  const file = manager.file(name);
  if (!existsSync(file)) throw new CheckFailed(`no service ${name} is installed (${file})`);
  const { running, output } = await queryService(manager, name, signal);
  if (!running)
    throw new CheckFailed(`${file} is installed but does not run: ${output || "its manager says nothing"}`);
  await write(stdout, `${file}: running\n`);
}

function parseVariable(option: string): [name: string, value: string] {
  const equals = option.indexOf("=");
  if (equals !== -1) return [option.slice(0, equals), option.slice(equals + 1)];
  const value = process.env[option];
  if (value === undefined)
    throw new UsageError(`--env ${option}: there is no such variable here, and no value`);
  return [option, value];
}
