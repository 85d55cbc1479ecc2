import { STOP_SECONDS, type ServicePlan } from "./service-plan.js";

/** A unit for `systemd --user`: https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html */
export function systemdUnit(plan: ServicePlan): string {
  const command = [
    quote(plan.node),
    ...[plan.program, "serve", ...plan.serveArguments].map((argument) =>
      quote(argument).replace(/\$/g, "$$$$"),
    ),
  ];
  const environment = [...plan.environment].map(
    ([name, value]) => `Environment=${quote(`${name}=${value}`)}\n`,
  );
  // Sandboxing that needs mounts is left out: it does not work for a user's units without user namespaces.
  return `[Unit]
Description=candle-embed, text embeddings over HTTP (${plan.name})

[Service]
Type=exec
ExecStart=${command.join(" ")}
WorkingDirectory=${escapePercent(plan.workingFolder)}
${environment.join("")}Restart=on-failure
RestartSec=5
# The server drains first.
TimeoutStopSec=${String(STOP_SECONDS)}
# SIGTERM goes to the server alone, not to a key command that it waits for.
KillMode=mixed
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
`;
}

/** As systemd unquotes it. `$` is another matter: it stands for itself in the program's path and in variables. */
function quote(value: string): string {
  return `"${escapePercent(value).replace(/["\\]/g, "\\$&")}"`;
}

/** `%h` and the like would be filled in. */
function escapePercent(value: string): string {
  return value.replace(/%/g, "%%");
}
