import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { readAddress } from "../document/address.ts";
import { mask } from "../document/secrets.ts";
import { partOf, shownValue } from "../document/part.ts";
import { LbctlError, type Problem } from "../errors.ts";
import type { Fleet, Host } from "../model/fleet.ts";

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
 * Throws LbctlError `invalid` for a name or address that HAProxy could not take, and for a pinned id used twice.
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
  const { ids, warnings } = serverIds(hosts, problems);
  const servers = hosts.flatMap((host): Server[] => {
    const address = serverAddress(host, problems);
    if (address === undefined) return [];
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
  refuseTwins(servers, problems);
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
function serverIds(
  hosts: readonly Host[],
  problems: Problem[],
): { ids: Map<string, number>; warnings: string[] } {
  const ids = new Map<string, number>();
  const taken = new Map<number, string>();
  const warnings: string[] = [];
  const claim = (id: number, name: string): void => {
    ids.set(name, id);
    taken.set(id, name);
  };
  const [pinned, hashed] = [hosts.filter(isPinned), hosts.filter((host) => !isPinned(host))];
  for (const host of pinned) {
    const id = host.vars.haproxy_server_id?.value as number;
    const other = taken.get(id);
    if (other === undefined) claim(id, host.name);
    else {
      problems.push({
        what: `${other} and ${host.name} both have haproxy_server_id ${String(id)}`,
        at: origin(host, "haproxy_server_id"),
        hint: "Give each server of a pool its own id, or none.",
      });
    }
  }
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

/** haproxy_server_address, else ansible_host, else the host's own name; of an instance none of its names. */
function serverAddress(host: Host, problems: Problem[]): string | undefined {
  const variable = ["haproxy_server_address", "ansible_host"].find(
    (name) => typeof host.vars[name]?.value === "string",
  );
  const written = variable === undefined ? host.name : (host.vars[variable]?.value as string);
  const read = readAddress(written);
  const address = "canonical" in read ? read.canonical : written;
  if (isInstance(host) && variable !== "haproxy_server_address" && isIP(address) === 0) {
    problems.push({
      what: `server ${host.name} has no address: "${written}" is the name of its instance`,
      at: variable === undefined ? host.name : origin(host, variable),
      hint: "Set haproxy_server_address to its IP address, or to a name that the load balancers resolve.",
    });
    return undefined;
  }
  if (isIP(address) === 0 && !hostName.test(address)) {
    const shown = variable === undefined ? address : (shownValue(host.vars[variable]) as string);
    problems.push({
      what: `"${shown}" cannot be the address of server ${host.name}`,
      at: variable === undefined ? host.name : origin(host, variable),
      hint: "Set haproxy_server_address to an IP address or a host name.",
    });
    return undefined;
  }
  // HAProxy's statistics call a proxy's own rows FRONTEND and BACKEND.
  if (!/^[A-Za-z0-9_.:-]+$/.test(host.name) || /^(FRONTEND|BACKEND)$/.test(host.name)) {
    problems.push({
      what: `"${host.name}" cannot be a server's name in HAProxy`,
      hint: "Use letters, digits, `-`, `_`, `.`.",
    });
    return undefined;
  }
  return address;
}

/** With such a connection ansible_host names an instance. */
function isInstance({ vars }: Host): boolean {
  const kind = vars.ansible_connection?.value;
  return typeof kind === "string" && /^(?:community\.general\.)?(?:incus|lxd)$|^lxc$/.test(kind);
}

// RFC 1123, section 2.1
const hostName =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

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

/** Two servers at one address would be one server with two health states. */
function refuseTwins(servers: readonly Server[], problems: Problem[]): void {
  const names = new Map<string, string>();
  for (const { name, endpoint } of servers) {
    const other = names.get(endpoint);
    if (other !== undefined) {
      problems.push({
        what: `the servers ${other} and ${name} have the same address ${endpoint}`,
        hint: "Give each its own ansible_host or haproxy_server_address.",
      });
    }
    names.set(endpoint, name);
  }
}

function origin(host: Host, variable: string): string {
  const at = host.vars[variable]?.originOf([]);
  return at ? `${at.file}:${String(at.line)}` : host.name;
}
