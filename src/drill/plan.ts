import { isIP } from "node:net";
import { LbctlError, type Problem } from "../errors.ts";
import type { Fleet, Host } from "../model/fleet.ts";
import { checkNames } from "./check.ts";
import { isOwnPool, notDrilled, takenRequests } from "./own-pools.ts";
import { planFault } from "./plan-fault.ts";
import { nearest } from "../document/words.ts";
import type { FailoverScenario, LoadTarget } from "./scenario.ts";
import { integerOf, listOf, listenOf, textOf } from "./vars.ts";

export interface FailoverOptions {
  /** `api_pool` (default) or `stream_pool`. */
  readonly pool?: string;
  /** The victim; by default the first server of the pool. */
  readonly server?: string;
  /** Requests per second, 100 by default. */
  readonly rate?: number;
  readonly beforeMs?: number;
  readonly downMs?: number;
  readonly afterMs?: number;
  readonly recoverLimitMs?: number;
}

interface Pool {
  readonly groupVar: string;
  readonly group: string;
  readonly healthVar: string;
}

const pools: Readonly<Record<string, Pool>> = {
  api_pool: {
    groupVar: "haproxy_api_group",
    group: "backend_api_instances",
    healthVar: "haproxy_api_health_path",
  },
  stream_pool: {
    groupVar: "haproxy_stream_group",
    group: "stream_server_instances",
    healthVar: "haproxy_stream_health_path",
  },
};

/** Decides a whole drill from the inventory. Throws LbctlError `invalid` with every problem found. */
export function planFailover(fleet: Fleet, options: FailoverOptions = {}): FailoverScenario {
  const pool = options.pool ?? "api_pool";
  const loadBalancers = fleet.groups.get("haproxy")?.hosts ?? [];
  const first = fleet.hosts.get(loadBalancers[0] ?? "");
  const known = pools[pool];
  if (!known)
    throw new LbctlError(
      "invalid",
      first && isOwnPool(first, pool) ? notDrilled(pool) : unknown("pool", pool, Object.keys(pools)),
    );
  if (!first)
    throw new LbctlError("invalid", {
      what: "the inventory has no host in the group haproxy",
      hint: "Put the load balancers into a group named haproxy.",
    });

  const problems: Problem[] = [];
  const group = textOf(first, known.groupVar) ?? known.group;
  const servers = fleet.groups.get(group)?.hosts ?? [];
  const server = options.server ?? servers[0] ?? "";
  const victim = servers.includes(server) ? fleet.hosts.get(server) : undefined;
  if (servers.length === 0)
    problems.push({
      what: `the pool ${pool} takes its servers from the group ${group}, which has no hosts`,
      hint: `Add hosts to ${group}, or set ${known.groupVar}.`,
    });
  else if (!victim) problems.push(unknown(`server of ${pool}`, server, servers));
  const rate = options.rate ?? 100;
  if (!Number.isInteger(rate) || rate < 1 || rate > 2000)
    problems.push({ what: `the rate ${rate} is not a whole number from 1 to 2000`, at: "--rate" });
  for (const host of victim ? [first, victim] : [first]) checkNames(host, problems);
  const fault = victim ? planFault(victim, problems) : null;
  const target = targetOf(first, pool, problems);
  problems.push(...takenRequests(first, pool, target));
  const number = (name: string, fallback: number): number => integerOf(first, name, fallback, problems);
  const scenario = {
    pool,
    server,
    loadBalancers,
    target,
    probePath: textOf(first, known.healthVar) ?? "/health",
    checks: {
      intervalMs: number("haproxy_health_check_interval_ms", 1000),
      fastIntervalMs: number("haproxy_health_check_fastinter_ms", 300),
      timeoutMs: number("haproxy_health_check_timeout_ms", 1000),
      fall: number("haproxy_health_check_fall", 3),
      rise: number("haproxy_health_check_rise", 2),
    },
    rate,
    beforeMs: options.beforeMs ?? 3000,
    downMs: options.downMs ?? 3000,
    afterMs: options.afterMs ?? 3000,
    recoverLimitMs: options.recoverLimitMs ?? 60_000,
    requestTimeoutMs: 10_000,
    lateAfterMs: 10,
    socket: "/run/haproxy/admin.sock",
  };
  if (problems.length > 0 || fault === null) throw new LbctlError("invalid", problems);
  return { ...scenario, fault };
}

function targetOf(host: Host, pool: string, problems: Problem[]): LoadTarget {
  const address = textOf(host, "lbctl_drill_address") ?? addressOf(host, problems);
  const port = listenOf(host, "haproxy_listen_http", 80, problems);
  const stream = pool === "stream_pool";
  if (!stream) return { host: address, port, path: "/api/v1/drill", hostHeader: null, spread: false };
  const prefix = listOf(host, "haproxy_stream_path_prefixes")[0];
  const name = listOf(host, "haproxy_stream_hosts")[0];
  if (prefix === undefined && name === undefined)
    problems.push({
      what: "no request leads to stream_pool: neither a path prefix nor a host name is set for it",
      at: host.name,
      hint: "Set haproxy_stream_path_prefixes or haproxy_stream_hosts.",
    });
  const path = `${(prefix ?? "").replace(/\/+$/, "")}/drill`;
  return {
    host: address,
    port,
    path,
    hostHeader: prefix === undefined ? (name ?? null) : null,
    spread: true,
  };
}

/** Where this machine reaches the load balancer. An instance's name is no address. */
function addressOf(host: Host, problems: Problem[]): string {
  const { connection } = host;
  if (connection.kind === "ssh") return connection.address;
  if (connection.kind === "local") return "127.0.0.1";
  const written = textOf(host, "ansible_host");
  if (written !== undefined && isIP(written) !== 0) return written;
  problems.push({
    what: "the address to send requests to is unknown: an instance's name is no address",
    at: host.name,
    hint: "Set lbctl_drill_address.",
  });
  return "";
}

function unknown(kind: string, word: string, candidates: readonly string[]): Problem {
  const meant = nearest(word, candidates);
  return {
    what: `there is no ${kind} named ${JSON.stringify(word)}`,
    hint: meant === undefined ? `Known: ${candidates.join(", ")}.` : `Did you mean ${meant}?`,
  };
}
