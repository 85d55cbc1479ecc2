import path from "node:path";

import { STOP_SECONDS, type ServicePlan } from "./service-plan.js";

type Value = string | number | boolean | readonly string[] | ReadonlyMap<string, string>;

/** The name under which launchd knows a service. */
export const launchLabel = (name: string): string => `org.candle-embed.${name}`;

/** Where a LaunchAgent's output goes; launchd does not rotate it. */
export const launchLog = (name: string, home: string): string =>
  path.posix.join(home, "Library", "Logs", `${launchLabel(name)}.log`);

/** A property list for launchd, per user: `man launchd.plist`. */
export function launchAgent(plan: ServicePlan, home: string): string {
  const log = launchLog(plan.name, home);
  // launchd's own PATH lacks where key commands such as `op` are.
  const searched = [path.posix.dirname(plan.node), "/opt/homebrew/bin", "/usr/local/bin", "/usr/bin", "/bin"];
  const environment = new Map([["PATH", [...new Set(searched)].join(":")], ...plan.environment]);
  const entries: [string, Value][] = [
    ["Label", launchLabel(plan.name)],
    ["ProgramArguments", [plan.node, plan.program, "serve", ...plan.serveArguments]],
    ["WorkingDirectory", plan.workingFolder],
    ["EnvironmentVariables", environment],
    ["RunAtLoad", true],
    ["KeepAlive", true],
    ["ThrottleInterval", 10],
    ["ExitTimeOut", STOP_SECONDS],
    // "Background" and the default are slowed down when somebody works at the machine.
    ["ProcessType", "Interactive"],
    ["StandardOutPath", log],
    ["StandardErrorPath", log],
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
${entries.map(([key, value]) => `  <key>${key}</key>\n${element(value)}`).join("\n")}
</dict>
</plist>
`;
}

function element(value: Value): string {
  if (typeof value === "string") return `  <string>${escapeXml(value)}</string>`;
  if (typeof value === "number") return `  <integer>${String(value)}</integer>`;
  if (typeof value === "boolean") return `  <${String(value)}/>`;
  if (value instanceof Map) {
    const lines = [...(value as ReadonlyMap<string, string>)].flatMap(([name, text]) => [
      `    <key>${escapeXml(name)}</key>`,
      `    <string>${escapeXml(text)}</string>`,
    ]);
    return `  <dict>\n${lines.join("\n")}\n  </dict>`;
  }
  const items = (value as readonly string[]).map((text) => `    <string>${escapeXml(text)}</string>`);
  return `  <array>\n${items.join("\n")}\n  </array>`;
}

function escapeXml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
