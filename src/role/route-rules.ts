import { listIn, mapIn, textIn, type Values } from "./read-value.ts";
import type { Conflict } from "./rules.ts";

/** What `haproxy_routes` says that cannot stand, where its form is right. Pure. */
export function routeConflicts(vars: Values): Conflict[] {
  return [...unknownPools(vars), ...unconditional(vars), ...ties(vars)];
}

function unknownPools({ haproxy_pools, haproxy_routes }: Values): Conflict[] {
  // it has no value, which is told elsewhere
  if (haproxy_pools === undefined) return [];
  const known = ["api_pool", "stream_pool", ...Object.keys(mapIn(haproxy_pools))];
  return listIn(haproxy_routes).flatMap((route, at) => {
    const pool = textIn(mapIn(route).pool);
    if (known.includes(pool)) return [];
    return [
      {
        path: ["haproxy_routes", at, "pool"],
        uses: ["haproxy_routes", "haproxy_pools"],
        message: `is ${JSON.stringify(pool)}, which is no pool; there are ${known.join(", ")}`,
        withoutValues: "is no pool",
      },
    ];
  });
}

function unconditional({ haproxy_routes }: Values): Conflict[] {
  return listIn(haproxy_routes).flatMap((route, at) => {
    const { hosts, paths, prefixes } = mapIn(route);
    if ([hosts, paths, prefixes].some((list) => list !== undefined)) return [];
    const message = "would take every request: give it `hosts`, `paths` or `prefixes`";
    return [{ path: ["haproxy_routes", at], uses: ["haproxy_routes"], message, withoutValues: message }];
  });
}

/** Of two routes for the same host and path, neither is the more exact one. */
function ties({ haproxy_routes }: Values): Conflict[] {
  const first = new Map<string, number>();
  return listIn(haproxy_routes).flatMap((route, at) =>
    taken(mapIn(route)).flatMap((what) => {
      const before = first.get(what);
      if (before === undefined) {
        first.set(what, at);
        return [];
      }
      return [
        {
          path: ["haproxy_routes", at],
          uses: ["haproxy_routes"],
          message:
            before === at
              ? `names ${what} twice`
              : `takes ${what}, as haproxy_routes/${String(before)} does; only one can`,
          withoutValues: "takes what another route takes",
        },
      ];
    }),
  );
}

/** `git.example.com/robots.txt`, `/assets/…` for a prefix. */
function taken({ hosts, paths, prefixes }: Values): string[] {
  const ofPaths = [...listIn(paths).map(textIn), ...listIn(prefixes).map((prefix) => `${textIn(prefix)}/…`)];
  const orAny = (texts: readonly string[]): readonly string[] => (texts.length > 0 ? texts : [""]);
  const ofHosts = listIn(hosts).map((host) => textIn(host).toLowerCase());
  return orAny(ofHosts)
    .flatMap((host) => orAny(ofPaths).map((path) => host + path))
    .filter((what) => what !== "");
}
