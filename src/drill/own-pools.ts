import { isMap } from "../document/part.ts";
import { place } from "../document/words.ts";
import type { Problem } from "../errors.ts";
import type { Host, Value } from "../model/fleet.ts";
import type { LoadTarget } from "./scenario.ts";

export function isOwnPool({ vars }: Host, pool: string): boolean {
  const declared = vars.haproxy_pools?.value ?? null;
  return isMap(declared) && Object.hasOwn(declared, pool);
}

export function notDrilled(pool: string): Problem {
  return {
    what: `a drill tests api_pool or stream_pool; ${pool} is a pool of haproxy_pools, which it cannot test yet`,
    at: "--pool",
    hint: "Nothing was killed.",
  };
}

/** Routes of `haproxy_routes` that take the drill's requests to another pool: it would measure that one. */
export function takenRequests({ vars }: Host, pool: string, target: LoadTarget): Problem[] {
  const routes = vars.haproxy_routes;
  return listOf(routes?.value).flatMap((route, at) => {
    if (!routes || !isMap(route) || route.pool === pool || !takes(route, target)) return [];
    return [
      {
        what: `haproxy_routes/${String(at)} takes the requests of this drill (${target.path}) from ${pool}`,
        at: place(routes.originOf([at])),
        hint: "It would measure another pool. Nothing was killed.",
      },
    ];
  });
}

function takes(route: Readonly<Record<string, Value>>, { hostHeader, host, path }: LoadTarget): boolean {
  const name = (hostHeader ?? host).toLowerCase();
  const hosts = textsOf(route.hosts).map((pattern) => isBelow(pattern.toLowerCase(), name));
  const paths = [
    ...textsOf(route.paths).map((exact) => exact === path),
    ...textsOf(route.prefixes).map((prefix) => `${path}/`.startsWith(`${prefix}/`)),
  ];
  return [hosts, paths].every((matches) => matches.length === 0 || matches.includes(true));
}

/** `*.example.com` is all below. */
function isBelow(pattern: string, name: string): boolean {
  return pattern.startsWith("*") ? name.endsWith(pattern.slice(1)) : name === pattern;
}

function listOf(value: Value | undefined): readonly Value[] {
  return Array.isArray(value) ? (value as readonly Value[]) : [];
}

function textsOf(value: Value | undefined): string[] {
  return listOf(value).filter((item) => typeof item === "string");
}
