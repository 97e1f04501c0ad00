import { readNetwork } from "../document/address.ts";
import { LbctlError, type Problem } from "../errors.ts";
import type { Fleet, Host, Value } from "../model/fleet.ts";
import type { Facts } from "../model/host.ts";
import type { Role } from "../model/role.ts";
import type { View } from "./engine.ts";
import { allRoutes } from "./all-routes.ts";
import { emptyPools } from "./empty-pools.ts";
import { declaredPools, type DeclaredPools } from "./pools.ts";
import { poolServers } from "./servers.ts";

/** Stands in the place of the identity while the identity is being computed. */
export const identityPlaceholder = "lbctl:identity";

/**
 * What templates see as `it`: the role's variables under their own names, and the few things derived from them
 * (`api_servers`, `stream_servers`, `tls`, `resolvers`, `identity`, `haproxy_version`); `haproxy_pools` and
 * `haproxy_routes` are lists of `PoolView` and `RouteView`.
 */
export function makeView(
  fleet: Fleet,
  host: Host,
  role: Role,
  facts: Facts,
): { view: View; warnings: string[] } {
  const vars: Record<string, Value> = {};
  for (const name of Object.keys(role.defaults)) vars[name] = host.vars[name]?.value ?? null;
  if (host.unresolved.has("haproxy_routes")) vars.haproxy_routes = [];
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const attempt = <Found extends { readonly warnings: readonly string[] }>(
    uses: string,
    make: () => Found,
  ): Found | undefined => {
    if (host.unresolved.has(uses)) return undefined;
    try {
      const found = make();
      warnings.push(...found.warnings);
      return found;
    } catch (error) {
      if (!(error instanceof LbctlError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const pool = (groupVar: string, portVar: string) => {
    const members = { groups: [textOf(vars[groupVar])], port: Number(vars[portVar]) };
    return attempt(groupVar, () => poolServers(fleet, members))?.servers ?? [];
  };
  const api_servers = pool("haproxy_api_group", "haproxy_backend_api_port");
  const stream_servers = pool("haproxy_stream_group", "haproxy_stream_server_port");
  const declared = (): ReturnType<typeof declaredPools> =>
    declaredPools(fleet, (vars.haproxy_pools ?? {}) as unknown as DeclaredPools, vars);
  const pools = attempt("haproxy_pools", declared)?.pools ?? [];
  if (problems.length === 0 && !(fleet.lacks || host.isPartial)) {
    const has = { api: api_servers.length > 0, stream: stream_servers.length > 0 };
    problems.push(...emptyPools(host, pools, has));
    const isPoolless = pools.length === 0 && !host.unresolved.has("haproxy_pools");
    if (isPoolless && groupNames.every((name) => isEmpty(name, fleet, host, role)))
      problems.push({
        what: `no servers: the groups ${textOf(vars.haproxy_api_group)} and ${textOf(vars.haproxy_stream_group)} are empty`,
        at: host.name,
        hint: "Put backend hosts into one of these groups of the inventory, or declare haproxy_pools.",
      });
  }
  if (problems.length > 0) throw new LbctlError("invalid", problems);
  const view = {
    ...vars,
    haproxy_trusted_ips: canonical(vars.haproxy_trusted_ips),
    api_servers,
    stream_servers,
    haproxy_pools: pools,
    haproxy_routes: allRoutes(vars, { api_servers, stream_servers }),
    resolvers: [...api_servers, ...stream_servers, ...pools.flatMap(({ servers }) => servers)].some(
      (server) => server.named,
    ),
    tls: vars.haproxy_tls_cert_path !== "",
    identity: identityPlaceholder,
    haproxy_version: facts.haproxyVersion,
  };
  return { view, warnings };
}

const groupNames = ["haproxy_api_group", "haproxy_stream_group"];

/** Whether the group is known to have no hosts; of one that only a default names, no host need ever be there. */
function isEmpty(name: string, fleet: Fleet, { vars, unresolved }: Host, role: Role): boolean {
  if (unresolved.has(name)) return false;
  const group = fleet.groups.get(textOf(vars[name]?.value));
  return group ? group.hosts.length === 0 : vars[name] === role.defaults[name];
}

/** Networks in the one form that HAProxy and its Runtime API agree on. */
function canonical(networks: Value | undefined): string[] {
  if (!Array.isArray(networks)) return [];
  return (networks as readonly Value[]).map((network) => {
    const read = readNetwork(textOf(network));
    return "canonical" in read ? read.canonical : textOf(network);
  });
}

function textOf(value: Value | undefined): string {
  return typeof value === "string" ? value : "";
}
