import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { mask } from "../document/secrets.ts";
import { partOf } from "../document/part.ts";
import { LbctlError, type Problem } from "../errors.ts";
import type { Fleet, Host } from "../model/fleet.ts";
import { serverAddress, twins, writtenAddress, type WrittenAddress } from "./addresses.ts";

/** A server line of a pool. */
export interface Server {
  readonly name: string;
  /** `address:port`, IPv6 in brackets. */
  readonly endpoint: string;
  readonly id: number;
  readonly weight: number | null;
  /** The address is a name, to be resolved by HAProxy at run time. */
  readonly named: boolean;
}

// The consistent-hash ring uses id × 4096 in 32 bits, so ids equal modulo 2^20 would fall on each other.
const idSpace = 1_048_575;

/**
 * The servers of a pool: the hosts of `group`, in inventory order.
 * Throws LbctlError `invalid` for a name or address that HAProxy could not take, or that two servers share.
 */
export function poolServers(fleet: Fleet, group: string, port: number): Pool {
  const known = pools.get(fleet) ?? new Map<string, Pool>();
  pools.set(fleet, known);
  const key = `${group}:${String(port)}`;
  const pool = known.get(key) ?? makePool(fleet, group, port);
  known.set(key, pool);
  return pool;
}

interface Pool {
  readonly servers: readonly Server[];
  readonly warnings: readonly string[];
}

/** A pool is the same on each of its load balancers, which may be hundreds. */
const pools = new WeakMap<Fleet, Map<string, Pool>>();

function makePool(fleet: Fleet, group: string, port: number): Pool {
  const hosts = (fleet.groups.get(group)?.hosts ?? []).flatMap((name) => fleet.hosts.get(name) ?? []);
  const problems: Problem[] = [];
  const { ids, warnings } = serverIds(hosts);
  const owners = new Map<string, { readonly host: Host; readonly written: WrittenAddress }>();
  const servers = hosts.flatMap((host): Server[] => {
    const written = writtenAddress(host);
    const address = serverAddress(host, written, problems);
    if (address === undefined) return [];
    const owner = owners.get(address);
    if (!owner) owners.set(address, { host, written });
    // what both inherit may be overridden where nothing could be read
    else if (written.at !== owner.written.at || !(host.isPartial || owner.host.isPartial))
      problems.push(twins(host.name, owner.host.name, [written, owner.written]));
    const weight = host.vars.haproxy_server_weight?.value;
    return [
      {
        name: host.name,
        endpoint: `${isIP(address) === 6 ? `[${address}]` : address}:${String(port)}`,
        id: ids.get(host.name) ?? 0,
        weight: typeof weight === "number" ? weight : null,
        named: isIP(address) === 0,
      },
    ];
  });
  if (problems.length > 0) throw new LbctlError("invalid", problems);
  return { servers, warnings: [...warnings, ...unresolvedWarnings(servers)] };
}

function unresolvedWarnings(servers: readonly Server[]): string[] {
  return servers
    .filter(({ named, name, endpoint }) => named && endpoint.startsWith(`${name}:`) && !name.includes("."))
    .map(
      ({ name }) =>
        `server ${name} has no address: HAProxy will look up "${name}" by DNS on the load balancer`,
    );
}

/**
 * Ids from the names alone, so that every load balancer agrees and nothing is stored: 1 + sha256(name) mod 1048575.
 * A pinned id (`haproxy_server_id`) comes first; a name whose id is taken probes upward, with a warning.
 */
function serverIds(hosts: readonly Host[]): { ids: Map<string, number>; warnings: string[] } {
  const ids = new Map<string, number>();
  const taken = new Map<number, string>();
  const warnings: string[] = [];
  const claim = (id: number, name: string): void => {
    ids.set(name, id);
    taken.set(id, name);
  };
  const [pinned, hashed] = [hosts.filter(isPinned), hosts.filter((host) => !isPinned(host))];
  for (const { name, vars } of pinned) claim(vars.haproxy_server_id?.value as number, name);
  for (const { name } of [...hashed].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const first =
      1 + Number(BigInt(`0x${createHash("sha256").update(name).digest("hex")}`) % BigInt(idSpace));
    let id = first;
    while (taken.has(id)) id = (id % idSpace) + 1;
    if (id !== first) {
      warnings.push(
        `server ids of ${String(taken.get(first))} and ${name} collide; pin one with haproxy_server_id`,
      );
    }
    claim(id, name);
  }
  return { ids, warnings };
}

function isPinned(host: Host): boolean {
  return typeof host.vars.haproxy_server_id?.value === "number";
}

/** A server line for people: what is secret of it is masked. */
export function shownServer(server: Server, host: Host | undefined): Record<keyof Server, unknown> {
  const isSecret = (name: string): boolean => {
    const variable = host?.vars[name];
    return variable !== undefined && partOf(variable).holdsSecret;
  };
  const port = /:\d+$/.exec(server.endpoint)?.[0] ?? "";
  return {
    ...server,
    endpoint: ["haproxy_server_address", "ansible_host"].some(isSecret) ? mask + port : server.endpoint,
    id: isSecret("haproxy_server_id") ? mask : server.id,
    weight: isSecret("haproxy_server_weight") ? mask : server.weight,
  };
}
