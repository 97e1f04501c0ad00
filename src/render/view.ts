import { readNetwork } from "../document/address.ts";
import { partOf, shownValue } from "../document/part.ts";
import { LbctlError, type Problem } from "../errors.ts";
import type { Fleet, Host, Value } from "../model/fleet.ts";
import type { Facts } from "../model/host.ts";
import type { Role } from "../model/role.ts";
import type { View } from "./engine.ts";
import { poolServers, shownServer, type Server } from "./servers.ts";

/** Stands in the place of the identity while the identity is being computed. */
export const identityPlaceholder = "lbctl:identity";

/**
 * What templates see as `it`: the role's variables under their own names, and the few things derived from them
 * (`api_servers`, `stream_servers`, `tls`, `resolvers`, `identity`, `haproxy_version`).
 */
export function makeView(
  fleet: Fleet,
  host: Host,
  role: Role,
  facts: Facts,
): { view: View; warnings: string[] } {
  const vars: Record<string, Value> = {};
  for (const name of Object.keys(role.defaults)) vars[name] = host.vars[name]?.value ?? null;
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const pool = (groupVar: string, portVar: string) => {
    if (host.unresolved.has(groupVar)) return [];
    try {
      const found = poolServers(fleet, textOf(vars[groupVar]), Number(vars[portVar]));
      warnings.push(...found.warnings);
      return found.servers;
    } catch (error) {
      if (!(error instanceof LbctlError)) throw error;
      problems.push(...error.problems);
      return [];
    }
  };
  const api_servers = pool("haproxy_api_group", "haproxy_backend_api_port");
  const stream_servers = pool("haproxy_stream_group", "haproxy_stream_server_port");
  if (
    problems.length === 0 &&
    !(fleet.lacks || host.isPartial) &&
    groupNames.every((name) => isEmpty(name, fleet, host, role))
  ) {
    problems.push({
      what: `no servers: the groups ${textOf(vars.haproxy_api_group)} and ${textOf(vars.haproxy_stream_group)} are empty`,
      at: host.name,
      hint: "Put backend hosts into one of these groups of the inventory.",
    });
  }
  if (problems.length > 0) throw new LbctlError("invalid", problems);
  const view = {
    ...vars,
    haproxy_trusted_ips: canonical(vars.haproxy_trusted_ips),
    api_servers,
    stream_servers,
    resolvers: [...api_servers, ...stream_servers].some((server) => server.named),
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

/** What templates may show: the same view when nothing in it is secret. */
export function maskView(view: View, fleet: Fleet, host: Host, role: Role): View {
  const vars = Object.keys(role.defaults).flatMap((name) => {
    const variable = host.vars[name];
    return variable && partOf(variable).holdsSecret ? [[name, shownValue(variable)] as const] : [];
  });
  const pools = ["api_servers", "stream_servers"].flatMap((name) => {
    const servers = view[name] as readonly Server[];
    const shown = servers.map((server) => shownServer(server, fleet.hosts.get(server.name)));
    return JSON.stringify(shown) === JSON.stringify(servers) ? [] : [[name, shown] as const];
  });
  return vars.length + pools.length === 0
    ? view
    : { ...view, ...(Object.fromEntries([...vars, ...pools]) as View) };
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
