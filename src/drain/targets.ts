import { nearest } from "../document/words.ts";
import type { Problem } from "../errors.ts";
import type { ServerStat, Stats } from "../haproxy/stat.ts";

/** What is asked of the servers of one load balancer. */
export interface Targets {
  /** To be told to HAProxy. */
  readonly servers: readonly ServerStat[];
  /** These and what tracks them, as `pool/server`: their sessions are waited for. */
  readonly counted: readonly string[];
}

/** `POOL/SERVER`, either with `*` and `?`; a name without `/` is that server in every pool. */
export interface ServerPattern {
  readonly text: string;
  readonly matches: (server: ServerStat) => boolean;
}

/** Throws nothing: a text with anything but names and wildcards matches nobody. Pure. */
export function readPattern(text: string): ServerPattern {
  const slash = text.indexOf("/");
  const pool = wildcard(slash < 0 ? "*" : text.slice(0, slash));
  const name = wildcard(text.slice(slash + 1));
  return { text, matches: (server) => pool.test(server.pool) && name.test(server.name) };
}

function wildcard(text: string): RegExp {
  const source = text.replace(/[^*?]+/g, (plain) => plain.replace(/[^\w]/g, "\\$&"));
  return new RegExp(`^${source.replaceAll("*", ".*").replaceAll("?", ".")}$`);
}

/** The servers that the patterns name. One that tracks another which is named, too, follows it by itself. Pure. */
export function targetsIn({ servers }: Stats, patterns: readonly ServerPattern[]): Targets {
  const named = servers.filter((server) => patterns.some(({ matches }) => matches(server)));
  const names = new Set(named.map(nameOf));
  const counted = servers.filter((server) => names.has(nameOf(server)) || names.has(server.tracks));
  return { servers: named.filter(({ tracks }) => !names.has(tracks)), counted: counted.map(nameOf) };
}

/** A pattern that matches no server of any of these is a mistake. Pure. */
export function unmatched(patterns: readonly ServerPattern[], fleet: readonly Stats[]): Problem[] {
  const servers = fleet.flatMap((stats) => stats.servers);
  const known = new Set(servers.flatMap((server) => [nameOf(server), server.name]));
  return patterns
    .filter(({ matches }) => !servers.some(matches))
    .map(({ text }) => {
      const near = nearest(text, known);
      const hint =
        near === undefined
          ? "`lbctl status` names them; write POOL/SERVER, or SERVER alone for every pool."
          : `did you mean "${near}"?`;
      return { what: `no load balancer has a server ${JSON.stringify(text)}`, hint };
    });
}

/** The servers of one pool that are left to take new clients: one of them must be up. */
export type Remaining = readonly string[];

/**
 * For each pool that loses one which is up: who is left there. A pool for which nobody is left stands in `emptied`. Pure.
 */
export function whoIsLeft(
  stats: Stats,
  { counted }: Targets,
): { readonly remaining: readonly Remaining[]; readonly emptied: readonly string[] } {
  const goes = new Set(counted);
  const losing = stats.servers.filter((server) => goes.has(nameOf(server)) && server.up);
  const pools = [...new Set(losing.map(({ pool }) => pool))].map((pool) => ({
    pool,
    left: stats.servers.filter((server) => server.pool === pool && server.up && !goes.has(nameOf(server))),
  }));
  return {
    remaining: pools.flatMap(({ left }) => (left.length > 0 ? [left.map(nameOf)] : [])),
    emptied: pools.flatMap(({ pool, left }) => (left.length > 0 ? [] : [pool])),
  };
}

export function nameOf({ pool, name }: Pick<ServerStat, "pool" | "name">): string {
  return `${pool}/${name}`;
}

/** Somebody, or the configuration, has taken it from its load already. */
export function isInMaintenance({ status }: ServerStat): boolean {
  return status.startsWith("MAINT");
}
