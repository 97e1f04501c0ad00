import type { Problem } from "../errors.ts";
import type { Fleet, Host } from "../model/fleet.ts";
import type { Role } from "../model/role.ts";
import { formats } from "../document/formats.ts";
import { shownValue } from "../document/part.ts";
import { didYouMean, place } from "../document/words.ts";

interface SchemaOfGroups {
  readonly properties?: Readonly<Record<string, { readonly format?: string }>>;
}

/**
 * Problems between hosts: a pool whose group is not in the inventory, and two servers of a pool with one id.
 * A pool is what a variable of the format `group-name` names on a host that takes the role.
 */
export function findPoolProblems(fleet: Fleet, hosts: readonly string[], role: Role): Problem[] {
  const problems = new Map<string, Problem>();
  const pools = new Set<string>();
  for (const name of hosts) {
    const host = fleet.hosts.get(name);
    if (!host?.groups.includes(role.group)) continue;
    for (const variable of groupVariables(role)) {
      const pool = host.vars[variable]?.value;
      // why it has no value, or no group's name for one, is told elsewhere
      if (typeof pool !== "string" || host.unresolved.has(variable)) continue;
      if (formats["group-name"]?.problemIn(pool)) continue;
      if (fleet.groups.has(pool)) pools.add(pool);
      else if (fleet.lacks !== "anything") {
        const problem = unknownPool(fleet, host, variable, pool, role);
        if (problem) problems.set(problem.what, problem);
      }
    }
  }
  return [
    ...problems.values(),
    ...[...pools].flatMap((pool) => sharedIds(fleet, pool, `${role.name}_server_id`)),
  ];
}

function groupVariables(role: Role): string[] {
  const { properties = {} } = role.schema as SchemaOfGroups;
  return Object.keys(properties).filter((name) => properties[name]?.format === "group-name");
}

/** A default may name a group that this fleet does not have; what somebody wrote may not. */
function unknownPool(fleet: Fleet, host: Host, name: string, pool: string, role: Role): Problem | undefined {
  const variable = host.vars[name];
  if (!variable || variable === role.defaults[name]) return undefined;
  const near = didYouMean(pool, fleet.groups.keys());
  return {
    what: `${name} is ${JSON.stringify(shownValue(variable))}, which is no group of the inventory${near ? `; ${near}` : ""}`,
    at: place(variable.originOf([])),
    hint: "Name the group whose hosts are the servers.",
  };
}

function sharedIds(fleet: Fleet, pool: string, name: string): Problem[] {
  const owners = new Map<number, { readonly host: string; readonly at: string }>();
  const problems: Problem[] = [];
  for (const host of fleet.groups.get(pool)?.hosts ?? []) {
    const variable = fleet.hosts.get(host)?.vars[name];
    if (typeof variable?.value !== "number") continue;
    const owner = owners.get(variable.value);
    const at = place(variable.originOf([]));
    if (owner === undefined) owners.set(variable.value, { host, at });
    // what both inherit may be overridden where nothing could be read
    else if (at !== owner.at || !hasPartial(fleet, host, owner.host)) {
      problems.push({
        what: `${name} of ${host} is ${JSON.stringify(shownValue(variable))}, as is that of ${owner.host} in the group "${pool}"`,
        at,
        from: [owner.at],
        hint: "Give each server of a pool an id of its own, in its host_vars, or none.",
      });
    }
  }
  return problems;
}

function hasPartial({ hosts }: Fleet, ...names: readonly string[]): boolean {
  return names.some((name) => hosts.get(name)?.isPartial);
}
