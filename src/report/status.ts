import type { Health, HostStatus, PoolStatus, ServerStatus, StatusDocument } from "../haproxy/status.ts";
import { cut, duration, fit, fitName, wrap } from "./columns.ts";
import { drainedBy } from "./drain.ts";
import { style } from "./style.ts";

const width = 80;

/** The table of `lbctl status`: a block per host and pool, a line per server, at most 80 columns. */
export function statusLines(document: StatusDocument): string[] {
  const blocks = document.hosts.flatMap((host) => [...hostLines(host), ""]);
  return [...blocks, `${style.bold("fleet")}  ${colour(document.health)}`];
}

/** What `lbctl status --wait` says before it looks again. */
export function waitingLine({ health, hosts }: StatusDocument): string {
  if (health === "ok") return "waiting: checks are still to come";
  const down = hosts.flatMap(({ pools }) => pools.flatMap(({ servers }) => servers.filter(({ up }) => !up)));
  const names = [...hosts.filter(({ error }) => error !== undefined), ...down].map(({ name }) => name);
  const waiting = [...new Set(names)].join(", ");
  return cut(`waiting: the fleet is ${health}${waiting === "" ? "" : ` (${waiting})`}`, width);
}

function hostLines(host: HostStatus): string[] {
  const head = `${style.bold(cut(host.name, 60))}  ${colour(host.health)}`;
  if (host.error !== undefined)
    return [head, ...wrap(host.error, width, "  ").map((line) => style.red(line))];
  if (host.pools.length === 0) return [head, style.red("  HAProxy runs, but has no pool with servers")];
  return [head, ...host.pools.flatMap(poolLines)];
}

function poolLines(pool: PoolStatus): string[] {
  const up = pool.servers.filter((server) => server.up).length;
  return [
    `  ${style.cyan(cut(pool.name, 40))}  ${colour(pool.health)}  ${up} of ${pool.servers.length} up`,
    style.dim(`    ${fit("SERVER", 22)} ${fit("STATUS", 10)} ${fit("CHECK", 14)} SESSIONS QUEUE SINCE`),
    ...pool.servers.flatMap(serverLines),
  ];
}

function serverLines(server: ServerStatus): string[] {
  const paint = server.up ? style.green : server.status.startsWith("DOWN") ? style.red : style.yellow;
  const line =
    `    ${fitName(server.name, 22)} ${paint(fit(server.status, 10))} ${fit(checkText(server), 14)} ` +
    `${String(server.sessions).padStart(8)} ${String(server.queue).padStart(5)} ${duration(server.since_seconds * 1000)}`;
  const taken = server.drain ?? null;
  const reason = taken ? "" : server.up ? "" : server.check.reason;
  return [
    line,
    ...(reason === "" ? [] : [style.dim(`      ${cut(reason, width - 6)}`)]),
    ...(taken === null ? [] : wrap(drainedBy(taken), width, "      ").map((part) => style.yellow(part))),
  ];
}

function checkText({ check }: ServerStatus): string {
  if (check.status === "") return "-";
  return check.code === null ? check.status : `${check.status} ${check.code}`;
}

function colour(health: Health): string {
  return { ok: style.green, degraded: style.yellow, unavailable: style.red }[health](health);
}
