import type { Drain } from "../model/drain.ts";
import type { ServerStat, Stats } from "./stat.ts";

export type Health = "ok" | "degraded" | "unavailable";

/** What one load balancer said, or why it said nothing. */
export type HostStats =
  | { readonly host: string; readonly stats: Stats; readonly drains?: readonly Drain[] }
  | { readonly host: string; readonly error: string };

/** The JSON of `lbctl status`. Keys are only ever added. */
export interface StatusDocument {
  readonly format_version: 1;
  readonly health: Health;
  readonly hosts: readonly HostStatus[];
}

export interface HostStatus {
  readonly name: string;
  readonly health: Health;
  /** Why the host could not be asked; then it has no pools. */
  readonly error?: string;
  readonly pools: readonly PoolStatus[];
}

export interface PoolStatus {
  readonly name: string;
  readonly health: Health;
  readonly servers: readonly ServerStatus[];
}

export interface ServerStatus {
  readonly name: string;
  /** In HAProxy's words: `UP`, `DOWN 1/2`, `MAINT`, `DRAIN`, … */
  readonly status: string;
  readonly up: boolean;
  readonly address: string;
  readonly backup: boolean;
  readonly weight: number;
  readonly check: {
    readonly status: string;
    readonly code: number | null;
    readonly duration_ms: number | null;
    readonly reason: string;
  };
  readonly sessions: number;
  readonly queue: number;
  readonly retries: number;
  readonly redispatches: number;
  /** Seconds since the status last changed. */
  readonly since_seconds: number;
  /** Who took it from its load, through lbctl; null where it has it, or somebody else did. */
  readonly drain: {
    readonly state: Drain["state"];
    readonly by: string;
    readonly reason: string | null;
    readonly since_seconds: number;
    readonly left_seconds: number | null;
  } | null;
}

/** Whether each server stands where checks of this worker's own have put it: none is still to come, or half-way down. */
export function isSettled({ hosts }: StatusDocument): boolean {
  const servers = hosts.flatMap(({ pools }) => pools.flatMap((pool) => pool.servers));
  return servers.every(({ status, check }) => check.status !== "INI" && !/^(?:UP|DOWN) \d/.test(status));
}

/**
 * Judges a fleet by what its load balancers say.
 * `unavailable`: some pool of some host has no usable server, or no host answers.
 * `degraded`: some server does not take new requests, or a host is silent while another serves.
 */
export function makeStatus(answers: readonly HostStats[]): StatusDocument {
  const hosts = answers.map(hostStatus);
  const answering = hosts.filter((host) => host.error === undefined);
  const health: Health =
    answering.length === 0 ? "unavailable" : worst([...answering.map((host) => host.health), silence(hosts)]);
  return { format_version: 1, health, hosts };
}

function silence(hosts: readonly HostStatus[]): Health {
  return hosts.some((host) => host.error !== undefined) ? "degraded" : "ok";
}

function hostStatus(answer: HostStats): HostStatus {
  if ("error" in answer) return { name: answer.host, health: "unavailable", error: answer.error, pools: [] };
  const pools = poolsOf(answer.stats, answer.drains ?? []);
  // A load balancer without any pool serves nobody.
  const health = pools.length === 0 ? "unavailable" : worst(pools.map((pool) => pool.health));
  return { name: answer.host, health, pools };
}

/**
 * Backends with servers; the statistics page and backends that only answer by rule have none. A server that tracks
 * another is the same server seen by another backend: its sessions count for the one it tracks, unless it was taken from
 * its load alone.
 */
function poolsOf(stats: Stats, drains: readonly Drain[]): PoolStatus[] {
  const byName = new Map(stats.servers.map((server) => [`${server.pool}/${server.name}`, server]));
  const follows = ({ tracks, status }: ServerStat): boolean => {
    const tracked = byName.get(tracks)?.status ?? "";
    return tracks !== "" && (!/^(?:DRAIN|MAINT)/.test(status) || /^(?:DRAIN|MAINT)/.test(tracked));
  };
  const tracking = stats.servers.filter(follows);
  const pools = new Map<string, ServerStat[]>();
  for (const server of stats.servers.filter((server) => !follows(server))) {
    const shadows = tracking.filter(({ tracks }) => tracks === `${server.pool}/${server.name}`);
    const whole = {
      ...server,
      sessions: sum([server, ...shadows].map(({ sessions }) => sessions)),
      queue: sum([server, ...shadows].map(({ queue }) => queue)),
    };
    pools.set(server.pool, [...(pools.get(server.pool) ?? []), whole]);
  }
  return [...pools].map(([name, members]) => ({
    name,
    health: poolHealth(members),
    servers: members.map((server) => serverStatus(server, drains)),
  }));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function poolHealth(members: readonly ServerStat[]): Health {
  const up = members.filter((server) => server.up).length;
  return up === 0 ? "unavailable" : up < members.length ? "degraded" : "ok";
}

function serverStatus(server: ServerStat, drains: readonly Drain[]): ServerStatus {
  const { check } = server;
  const drain = drains.find((one) => one.server === `${server.pool}/${server.name}`);
  return {
    name: server.name,
    status: server.status,
    up: server.up,
    address: server.address,
    backup: server.backup,
    weight: server.weight,
    check: {
      status: check.status,
      code: check.code,
      duration_ms: check.durationMs,
      reason: check.lastReason,
    },
    sessions: server.sessions,
    queue: server.queue,
    retries: server.retries,
    redispatches: server.redispatches,
    since_seconds: server.sinceSeconds,
    drain: drain
      ? {
          state: drain.state,
          by: drain.by,
          reason: drain.reason,
          since_seconds: drain.sinceSeconds,
          left_seconds: drain.leftSeconds,
        }
      : null,
  };
}

const order: readonly Health[] = ["ok", "degraded", "unavailable"];

function worst(healths: readonly Health[]): Health {
  return order[Math.max(0, ...healths.map((health) => order.indexOf(health)))] ?? "ok";
}
