import { partOf, shownValue } from "../document/part.ts";
import { mask } from "../document/secrets.ts";
import type { Fleet, Host } from "../model/fleet.ts";
import type { Role } from "../model/role.ts";
import { allRoutes } from "./all-routes.ts";
import type { View } from "./engine.ts";
import { poolView, type DeclaredPool, type DeclaredPools, type PoolView } from "./pools.ts";
import type { ListedServer, Server } from "./servers.ts";

/** What templates may show: the same view when nothing in it is secret. A part without secrets is the same object. */
export function maskView(view: View, fleet: Fleet, host: Host, role: Role): View {
  const vars = Object.fromEntries(
    Object.keys(role.defaults).map((name) => [name, shownValue(host.vars[name])]),
  );
  const own = Object.keys(vars).filter((name) => isSecret(host, name));
  const of = (name: string, portVar: string): readonly unknown[] => {
    const port = isSecret(host, portVar) ? mask : null;
    return (view[name] as readonly Server[]).map((server) => shownHost(server, fleet, port));
  };
  const masked: View = {
    ...Object.fromEntries(own.map((name) => [name, vars[name]])),
    api_servers: of("api_servers", "haproxy_backend_api_port"),
    stream_servers: of("stream_servers", "haproxy_stream_server_port"),
    haproxy_pools: maskedPools(view.haproxy_pools as readonly PoolView[], vars, fleet),
    haproxy_routes: allRoutes(valuesOf(host), view, vars),
  };
  const changed = Object.keys(masked).filter(
    (name) => JSON.stringify(masked[name]) !== JSON.stringify(view[name]),
  );
  return changed.length === 0
    ? view
    : { ...view, ...Object.fromEntries(changed.map((name) => [name, masked[name]])) };
}

function isSecret({ vars }: Host, name: string): boolean {
  const variable = vars[name];
  return variable !== undefined && partOf(variable).holdsSecret;
}

function valuesOf({ vars }: Host): View {
  return Object.fromEntries(Object.entries(vars).map(([name, { value }]) => [name, value]));
}

/** What decides how many lines there are stays as it is, or the lines would not pair up. */
function maskedPools(pools: readonly PoolView[], vars: View, fleet: Fleet): PoolView[] {
  const declared = vars.haproxy_pools as DeclaredPools;
  return pools.map((pool) => {
    const shown = declared[pool.name] ?? {};
    const masked = poolView(pool.name, shown, shownServers(pool.servers, shown, fleet), vars);
    return { ...masked, isHashed: pool.isHashed, check: { ...masked.check, type: pool.check.type } };
  });
}

/** The hosts of its groups, then those that are listed. */
function shownServers(servers: readonly Server[], pool: DeclaredPool, fleet: Fleet): Server[] {
  const listed = pool.servers ?? [];
  const hosts = servers.length - listed.length;
  const maskOf = (port: unknown): string | null => (port === mask ? mask : null);
  return servers.map((server, at) => {
    const one = listed[at - hosts];
    return one === undefined
      ? shownHost(server, fleet, maskOf(pool.port))
      : shownListed(server, one, maskOf(one.port ?? pool.port));
  });
}

/** A server line for people: what is secret of the host is masked. */
function shownHost(server: Server, fleet: Fleet, port: string | null): Server {
  const host = fleet.hosts.get(server.name);
  const hides = (name: string): boolean => host !== undefined && isSecret(host, name);
  const hidesAddress = ["haproxy_server_address", "ansible_host"].some(hides);
  return {
    ...server,
    endpoint: shownEndpoint(server, hidesAddress ? mask : null, port),
    id: hides("haproxy_server_id") ? mask : server.id,
    weight: hides("haproxy_server_weight") ? mask : server.weight,
  };
}

function shownListed(server: Server, shown: ListedServer, port: string | null): Server {
  return {
    ...server,
    name: shown.name,
    endpoint: shownEndpoint(server, shown.address === mask ? mask : null, port),
    // it is made of the name
    id: shown.name === mask ? mask : server.id,
    weight: shown.weight ?? server.weight,
    maxconn: shown.maxconn ?? server.maxconn,
  };
}

function shownEndpoint({ endpoint }: Server, address: string | null, port: string | null): string {
  const colon = endpoint.lastIndexOf(":");
  return `${address ?? endpoint.slice(0, colon)}:${port ?? endpoint.slice(colon + 1)}`;
}
