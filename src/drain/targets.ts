import { nearest } from "../document/words.ts";
import type { Problem } from "../errors.ts";
import type { ServerStat, Stats } from "../haproxy/stat.ts";
import type { AdminState } from "../model/drain.ts";

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

/**
 * The servers that the patterns name. One that tracks another which is named, too, follows it by itself; but one that was
 * taken from its load alone does not come back with it. Pure.
 */
export function targetsIn(
  { servers }: Stats,
  patterns: readonly ServerPattern[],
  state: AdminState,
): Targets {
  const named = servers.filter((server) => patterns.some(({ matches }) => matches(server)));
  const names = new Set(named.map(nameOf));
  const tracks = new Map(servers.map((server) => [nameOf(server), server.tracks]));
  /** Whether one that is named decides for it, however far away. */
  const follows = ({ tracks: tracked }: ServerStat): boolean => {
    const seen = new Set<string>();
    for (let at = tracked; at !== "" && !seen.has(at); at = tracks.get(at) ?? "") {
      if (names.has(at)) return true;
      seen.add(at);
    }
    return false;
  };
  return {
    servers: state === "ready" ? named : named.filter((server) => !follows(server)),
    counted: servers.filter((server) => names.has(nameOf(server)) || follows(server)).map(nameOf),
  };
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

/**
 * The pools that lose a server and have none left that is up. One that drains still serves those who are pinned to it, so
 * maintenance takes it away, too; one that is going down (`UP 1/3`) is nobody to rely on. Pure.
 */
export function emptiedPools(
  { servers }: Stats,
  { counted }: Targets,
  state: "drain" | "maint",
): readonly string[] {
  const goes = new Set(counted);
  const serves = ({ up, status }: ServerStat): boolean =>
    up || (state === "maint" && status.startsWith("DRAIN"));
  const stays = ({ up, status }: ServerStat): boolean => up && /^(?:UP|no check)$/.test(status);
  const losing = servers.filter((server) => goes.has(nameOf(server)) && serves(server));
  return [...new Set(losing.map(({ pool }) => pool))].filter(
    (pool) => !servers.some((server) => server.pool === pool && stays(server) && !goes.has(nameOf(server))),
  );
}

export function nameOf({ pool, name }: Pick<ServerStat, "pool" | "name">): string {
  return `${pool}/${name}`;
}
