import { randomBytes } from "node:crypto";
import { setState } from "../drain/set-state.ts";
import {
  isInMaintenance,
  nameOf,
  readPattern,
  targetsIn,
  unmatched,
  whoIsLeft,
  type ServerPattern,
  type Targets,
} from "../drain/targets.ts";
import { waitUntilEmpty, type Emptied } from "../drain/wait.ts";
import { readLoad } from "../drain/sessions.ts";
import { LbctlError } from "../errors.ts";
import { answerText, askRuntime } from "../haproxy/runtime.ts";
import { parseStat, type ServerStat, type Stats } from "../haproxy/stat.ts";
import type { AdminState, DrainOutcome } from "../model/drain.ts";
import type { Host } from "../model/fleet.ts";
import type { Role } from "../model/role.ts";
import type { Remote } from "../remote/port.ts";
import { drainDocument, drainLines, sessionsText, waitingLine } from "../report/drain.ts";
import { reportProblems } from "../report/errors.ts";
import { printJson, printLines, printProgress } from "../report/out.ts";
import { connectionsTo } from "./connections.ts";
import { eachHost } from "./hosts.ts";
import { exitCodeOf, seeHosts } from "./look.ts";
import { operator } from "./operator.ts";
import type { Context, FleetOptions } from "./options.ts";
import { loadProject } from "./project.ts";

export interface DrainOptions extends FleetOptions {
  /** Seconds to wait for whoever is changing a host. */
  readonly lockWait?: number;
  readonly force?: boolean;
  readonly reason?: string;
  /** Seconds until the host makes the servers ready by itself. */
  readonly for?: number;
  /** Seconds to wait until the servers are empty; `haproxy_graceful_drain_seconds` when it is not told. */
  readonly timeout?: number;
  /** false with --no-wait. */
  readonly wait?: boolean;
  /** Maintenance when they are empty, or at the deadline. */
  readonly maint?: boolean;
}

/** One load balancer that has servers of those named. */
interface Look {
  readonly host: Host;
  readonly remote: Remote;
  readonly stats: Stats;
  readonly targets: Targets;
}

/** What one command does on every load balancer. */
interface Order {
  readonly role: Role;
  readonly state: AdminState;
  readonly options: DrainOptions;
  readonly token: string;
  readonly startedAt: number;
  readonly signal: AbortSignal;
}

/** `lbctl drain|maint|ready SERVER…`: sets the servers' state on every load balancer, reads it back, waits. Exit 12 at the deadline. */
export async function drainCommand(
  state: AdminState,
  words: readonly string[],
  options: DrainOptions,
  { signal }: Context,
): Promise<number> {
  const { hosts, role } = await loadProject(options);
  const connections = await connectionsTo(hosts, options);
  const patterns = words.map(readPattern);
  try {
    const sights = await seeHosts(hosts, options.forks, (host) =>
      lookAt(host, connections.to(host), patterns, signal),
    );
    const errors = sights.flatMap(({ error }) => error ?? []);
    const looks = sights.flatMap(({ look }) => look ?? []);
    if (errors.length === 0) refuse(state, patterns, looks, options);
    const token = randomBytes(8).toString("hex");
    const order = { role, state, options, token, startedAt: performance.now(), signal };
    const outcomes: DrainOutcome[] =
      errors.length > 0
        ? sights.map(({ host, error }) => ({ host, servers: [], load: null, error }))
        : await eachHost(looks, options.forks, (look) => setOnHost(look, order));
    if (options.json) printJson(drainDocument(outcomes));
    else printLines(drainLines(outcomes));
    if (errors.length > 0) printProgress(["Nothing was touched on any host."]);
    const failures = outcomes.flatMap(({ error }) => error ?? []);
    reportProblems(failures);
    return exitCodeOf(failures);
  } finally {
    await connections.close();
  }
}

async function lookAt(
  host: Host,
  remote: Remote,
  patterns: readonly ServerPattern[],
  signal: AbortSignal,
): Promise<Look> {
  const stats = await readStats(remote, signal);
  return { host, remote, stats, targets: targetsIn(stats, patterns) };
}

async function readStats(remote: Remote, signal?: AbortSignal): Promise<Stats> {
  const options = { idleTimeoutMs: 30_000, ...(signal ? { signal } : {}) };
  const [answer] = await askRuntime(remote, ["show stat"], options);
  return parseStat(answerText(remote.host, answer));
}

/** Throws LbctlError `invalid` for names that nobody has, `rejected` where a pool would be left without a server. */
function refuse(
  state: AdminState,
  patterns: readonly ServerPattern[],
  looks: readonly Look[],
  { force }: DrainOptions,
): void {
  const unknown = unmatched(
    patterns,
    looks.map(({ stats }) => stats),
  );
  if (unknown.length > 0) throw new LbctlError("invalid", unknown);
  if (state === "ready" || force) return;
  const emptied = looks.flatMap(({ host, stats, targets }) => {
    const pools = whoIsLeft(stats, targets).emptied;
    const what = `no other server of ${pools.join(", ")} is up: nobody would serve it`;
    const hint = "Make another one ready first, or say --force. Nothing was touched on any host.";
    return pools.length === 0 ? [] : { what, at: host.name, hint };
  });
  if (emptied.length > 0) throw new LbctlError("rejected", emptied);
}

/** One load balancer: set, read back, wait, and say what is left. Throws nothing but bugs. */
async function setOnHost(look: Look, order: Order): Promise<DrainOutcome> {
  const { host, remote, targets } = look;
  const { state } = order;
  // a drain would bring pinned clients back to a server that is in maintenance
  const left = state === "drain" ? targets.servers.filter(isInMaintenance) : [];
  const servers = targets.servers.filter((server) => !left.includes(server));
  const outcome = async (error: LbctlError | null): Promise<DrainOutcome> => ({
    host: host.name,
    ...(await readBack(remote, targets, left)),
    error,
  });
  try {
    if (servers.length === 0) return await outcome(null);
    await set(look, servers, state, order);
    if (state !== "drain" || order.options.wait === false) return await outcome(null);
    const emptied = await waitUntilEmpty(remote, {
      servers: targets.counted,
      timeoutMs: 1000 * (order.options.timeout ?? drainSeconds(host)),
      signal: order.signal,
      onWait: tellWaiting(look, order),
    });
    if (order.options.maint && (emptied.end === "empty" || emptied.end === "deadline")) {
      await set(look, servers, "maint", order);
      return await outcome(null);
    }
    return await outcome(emptied.end === "empty" ? null : notEmpty(look, servers, emptied));
  } catch (error) {
    if (!(error instanceof LbctlError)) throw error;
    return { host: host.name, servers: [], load: null, error: cutOff(error, host) };
  }
}

async function set(
  { remote, stats, targets }: Look,
  servers: readonly ServerStat[],
  state: AdminState,
  { role, options, token, startedAt, signal }: Order,
): Promise<void> {
  const { reason = null, lockWait = 0, force } = options;
  const spent = Math.floor((performance.now() - startedAt) / 1000);
  const forSeconds = options.for === undefined ? null : Math.max(1, options.for - spent);
  const remaining = state === "ready" || force ? [] : whoIsLeft(stats, targets).remaining;
  const names = servers.map(nameOf);
  const change = { state, servers: names, remaining, by: operator(), reason, token, forSeconds, lockWait };
  const { refused } = await setState(remote, role, change, signal);
  if (refused.size === 0) return;
  const hint = "`lbctl status` shows what is there; the others were set.";
  const problems = [...refused].map(([name, why]) => ({
    what: `${name}: HAProxy says ${why}`,
    at: remote.host,
    hint,
  }));
  throw new LbctlError("rejected", problems);
}

/** What the load balancer says of the servers now, whatever was said to it. */
async function readBack(
  remote: Remote,
  { servers, counted }: Targets,
  left: readonly ServerStat[],
): Promise<Pick<DrainOutcome, "servers" | "load">> {
  if (servers.length === 0) return { servers: [], load: null };
  const now = new Map((await readStats(remote)).servers.map((server) => [nameOf(server), server.status]));
  const leftAlone = new Set(left.map(nameOf));
  return {
    servers: servers.map(nameOf).map((name) => ({
      name,
      status: now.get(name) ?? "gone",
      ...(leftAlone.has(name) ? { why: "in maintenance before, and left so" } : {}),
    })),
    load: await readLoad(remote, counted),
  };
}

function tellWaiting(
  { host }: Look,
  { options }: Order,
): (load: DrainOutcome["load"], leftMs: number) => void {
  let said = "";
  let saidAt = 0;
  return (load, leftMs) => {
    const line = waitingLine(host.name, load, leftMs);
    const now = performance.now();
    if (options.quiet || line === said || now - saidAt < 1000) return;
    [said, saidAt] = [line, now];
    printProgress([line]);
  };
}

function notEmpty(
  { host }: Look,
  servers: readonly ServerStat[],
  { end, load, arrived }: Emptied,
): LbctlError {
  const at = host.name;
  const names = servers.map(nameOf).join(" ");
  const undo = `\`lbctl ready ${names}\` gives the load back.`;
  if (end === "lost") {
    const what = `${load.up.join(", ")} takes new clients again: somebody has made it ready, or HAProxy was restarted`;
    return new LbctlError("partial", { what, at, hint: "`lbctl status` shows what is there." });
  }
  if (end === "interrupted") {
    return new LbctlError("interrupted", { what: "stopped while waiting; they drain on", at, hint: undo });
  }
  const isPinned = servers.some(({ cookie }) => cookie !== "") && arrived > 0;
  const came = isPinned ? `; ${String(arrived)} came meanwhile, of clients that the cookie pins` : "";
  const what = `left at the deadline: ${sessionsText(load)}${came}`;
  const hint = `\`lbctl maint ${names}\` moves pinned clients and WebSockets at once. ${undo}`;
  return new LbctlError("partial", { what, at, hint });
}

/** A signal while HAProxy was told. */
function cutOff(error: LbctlError, { name }: Host): LbctlError {
  if (error.code !== "interrupted") return error;
  const what = "stopped before it was known what HAProxy did";
  return new LbctlError("interrupted", { what, at: name, hint: "`lbctl status` shows what is there." });
}

function drainSeconds({ vars }: Host): number {
  const value = vars.haproxy_graceful_drain_seconds?.value;
  if (typeof value === "number") return value;
  throw new Error("haproxy_graceful_drain_seconds was not checked");
}
