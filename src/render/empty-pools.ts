import { shownPath } from "../document/shown-path.ts";
import { place } from "../document/words.ts";
import type { Problem } from "../errors.ts";
import type { Host, Path } from "../model/fleet.ts";
import type { PoolView } from "./pools.ts";
import type { DeclaredRoute } from "./routes.ts";

/** Pools that were declared, or have a route, and would answer 503 alone. */
export function emptyPools(
  { vars, unresolved }: Host,
  pools: readonly PoolView[],
  has: { readonly api: boolean; readonly stream: boolean },
): Problem[] {
  if (unresolved.size > 0) return [];
  const hint = "Put hosts into its groups, or take it out.";
  const problem = (name: string, path: Path, what: string): Problem[] => {
    const variable = vars[name];
    return variable
      ? [
          {
            what: `${shownPath(variable, [name, ...path])} ${what}`,
            at: place(variable.originOf(path)),
            hint,
          },
        ]
      : [];
  };
  const routes = (vars.haproxy_routes?.value ?? []) as unknown as readonly DeclaredRoute[];
  return [
    ...pools
      .filter(({ servers }) => servers.length === 0)
      .flatMap(({ name }) => problem("haproxy_pools", [name], "has no servers: its groups are empty")),
    ...routes.flatMap(({ pool }, at) =>
      (pool === "api_pool" && !has.api) || (pool === "stream_pool" && !has.stream)
        ? problem("haproxy_routes", [at, "pool"], "names a pool that has no servers")
        : [],
    ),
  ];
}
