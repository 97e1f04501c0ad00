import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { readAddress } from "../document/address.ts";
import { place } from "../document/words.ts";
import { LbctlError, type Problem } from "../errors.ts";
import type { Fleet, Host } from "../model/fleet.ts";
import { serverAddress, twins, writtenAddress, type WrittenAddress } from "./addresses.ts";

/** A server line of a pool. */
export interface Server {
  readonly name: string;
  /** `address:port`, IPv6 in brackets. */
  readonly endpoint: string;
  /** These three are masks where they are secret, and the line is for people. */
  readonly id: number | string;
  readonly weight: number | string | null;
  readonly maxconn: number | string | null;
  /** The address is a name, to be resolved by HAProxy at run time. */
  readonly named: boolean;
  readonly backup: boolean;
  readonly disabled: boolean;
}

/** A server that is no host of the inventory. */
export interface ListedServer {
  readonly name: string;
  readonly address: string;
  readonly port?: number;
  readonly weight?: number;
  readonly maxconn?: number;
  readonly backup?: boolean;
  readonly disabled?: boolean;
}

/** Who serves a pool. */
export interface PoolMembers {
  readonly groups: readonly string[];
  readonly listed?: readonly ListedServer[];
  /** Of all that do not say otherwise. */
  readonly port: number;
}

// The consistent-hash ring uses id × 4096 in 32 bits, so ids equal modulo 2^20 would fall on each other.
const idSpace = 1_048_575;

/**
 * The servers of a pool: the hosts of its groups, in inventory order, then those that are listed.
 * Throws LbctlError `invalid` for a name or address that HAProxy could not take, or that two servers share.
 */
export function poolServers(fleet: Fleet, members: PoolMembers): Pool {
  const known = pools.get(fleet) ?? new Map<string, Pool>();
  pools.set(fleet, known);
  const key = JSON.stringify(members);
  const pool = known.get(key) ?? makePool(fleet, members);
  known.set(key, pool);
  return pool;
}

interface Pool {
  readonly servers: readonly Server[];
  readonly warnings: readonly string[];
}

/** A pool is the same on each of its load balancers, which may be hundreds. */
const pools = new WeakMap<Fleet, Map<string, Pool>>();

function makePool(fleet: Fleet, { groups, listed = [], port }: PoolMembers): Pool {
  const names = new Set(groups.flatMap((group) => fleet.groups.get(group)?.hosts ?? []));
  const hosts = [...names].flatMap((name) => fleet.hosts.get(name) ?? []);
  const problems: Problem[] = [];
  const { ids, warnings } = serverIds([...hosts.map(identified), ...listed.map(({ name }) => ({ name }))]);
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
        ...reachedAt(address, port),
        id: ids.get(host.name) ?? 0,
        weight: typeof weight === "number" ? weight : null,
        maxconn: null,
        backup: false,
        disabled: false,
      },
    ];
  });
  for (const { name, address, port: own = port } of listed) {
    const host = hosts.find((other) => other.name === name);
    if (host) problems.push(inBoth(host, "name"));
    const owner = own === port ? owners.get(canonical(address)) : undefined;
    if (owner && owner.host !== host) problems.push(inBoth(owner.host, "address"));
  }
  if (problems.length > 0) throw new LbctlError("invalid", problems);
  warnings.push(...unresolvedWarnings(servers));
  for (const one of listed) {
    servers.push({
      name: one.name,
      ...reachedAt(canonical(one.address), one.port ?? port),
      id: ids.get(one.name) ?? 0,
      weight: one.weight ?? null,
      maxconn: one.maxconn ?? null,
      backup: one.backup ?? false,
      disabled: one.disabled ?? false,
    });
  }
  return { servers, warnings };
}

function inBoth({ name, origin }: Host, what: "name" | "address"): Problem {
  return {
    what: `the host ${name} of a pool's groups and a server of its list in haproxy_pools have the same ${what}`,
    at: place(origin),
    hint: `Leave one of them out, or give the one of the list another ${what}.`,
  };
}

function canonical(address: string): string {
  const read = readAddress(address);
  return "canonical" in read ? read.canonical : address;
}

function reachedAt(address: string, port: number): Pick<Server, "endpoint" | "named"> {
  const family = isIP(address);
  return { endpoint: `${family === 6 ? `[${address}]` : address}:${String(port)}`, named: family === 0 };
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
function serverIds(servers: readonly Identified[]): { ids: Map<string, number>; warnings: string[] } {
  const ids = new Map<string, number>();
  const taken = new Map<number, string>();
  const warnings: string[] = [];
  const claim = (id: number, name: string): void => {
    ids.set(name, id);
    taken.set(id, name);
  };
  for (const { name, id } of servers) if (id !== undefined) claim(id, name);
  const hashed = servers.filter(({ id }) => id === undefined);
  for (const { name } of hashed.sort((a, b) => (a.name < b.name ? -1 : 1))) {
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

interface Identified {
  readonly name: string;
  /** Pinned. */
  readonly id?: number;
}

function identified({ name, vars }: Host): Identified {
  const id = vars.haproxy_server_id?.value;
  return typeof id === "number" ? { name, id } : { name };
}
