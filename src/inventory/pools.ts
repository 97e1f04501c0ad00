import type { Problem } from "../errors.ts";
import type { Fleet, Host, Path, Value } from "../model/fleet.ts";
import type { Role } from "../model/role.ts";
import { formats } from "../document/formats.ts";
import { isMap, partOf, shownValue } from "../document/part.ts";
import { shownPath } from "../document/shown-path.ts";
import { didYouMean, place } from "../document/words.ts";

interface SchemaOfGroups {
  readonly properties?: Readonly<Record<string, { readonly format?: string }>>;
}

/**
 * Problems between hosts: a pool whose group is not in the inventory, and two servers of a pool with one id.
 * A pool is what a variable of the format `group-name` names on a host that takes the role, or one of `haproxy_pools`.
 */
export function findPoolProblems(fleet: Fleet, hosts: readonly string[], role: Role): Problem[] {
  const problems = new Map<string, Problem>();
  const pools = new Map<string, readonly string[]>();
  const add = (groups: readonly string[]): void => {
    const known = groups.filter((group) => fleet.groups.has(group));
    pools.set(known.map((group) => JSON.stringify(group)).join(" and "), known);
  };
  for (const name of hosts) {
    const host = fleet.hosts.get(name);
    if (!host?.groups.includes(role.group)) continue;
    for (const [pool, groups] of declaredGroups(host)) {
      add(groups.map(({ group }) => group));
      for (const { group, at } of groups) {
        const problem = unknownGroup(fleet, host, [pool, "groups", at], group);
        if (problem) problems.set(`${problem.at ?? ""} ${problem.what}`, problem);
      }
    }
    for (const variable of groupVariables(role)) {
      const pool = host.vars[variable]?.value;
      // why it has no value, or no group's name for one, is told elsewhere
      if (typeof pool !== "string" || host.unresolved.has(variable)) continue;
      if (formats["group-name"]?.problemIn(pool)) continue;
      if (fleet.groups.has(pool)) add([pool]);
      else if (fleet.lacks !== "anything") {
        const problem = unknownPool(fleet, host, variable, pool, role);
        if (problem) problems.set(problem.what, problem);
      }
    }
  }
  return [
    ...problems.values(),
    ...[...pools].flatMap(([shown, groups]) => sharedIds(fleet, shown, groups, `${role.name}_server_id`)),
  ];
}

interface DeclaredGroup {
  readonly group: string;
  /** Index in the list of its pool. */
  readonly at: number;
}

/** The groups of each pool in `haproxy_pools`; what has another form is told elsewhere. */
export function declaredGroups({ vars, unresolved }: Host): Map<string, readonly DeclaredGroup[]> {
  const pools = vars.haproxy_pools?.value;
  if (unresolved.has("haproxy_pools") || pools === undefined || !isMap(pools)) return new Map();
  return new Map(
    Object.entries(pools).map(([name, pool]) => {
      const groups = isMap(pool) && Array.isArray(pool.groups) ? (pool.groups as readonly Value[]) : [];
      return [name, groups.flatMap((group, at) => (isGroupName(group) ? [{ group, at }] : []))];
    }),
  );
}

function isGroupName(value: Value): value is string {
  return typeof value === "string" && !formats["group-name"]?.problemIn(value);
}

function unknownGroup(fleet: Fleet, host: Host, path: Path, group: string): Problem | undefined {
  const variable = host.vars.haproxy_pools;
  if (!variable || fleet.groups.has(group) || fleet.lacks === "anything") return undefined;
  const isSecret = partOf(variable).nearest(path).holdsSecret;
  const near = isSecret ? undefined : didYouMean(group, fleet.groups.keys());
  const read = isSecret ? "a secret" : JSON.stringify(group);
  return {
    what: `${shownPath(variable, ["haproxy_pools", ...path])} is ${read}, which is no group of the inventory${near ? `; ${near}` : ""}`,
    at: place(variable.originOf(path)),
    hint: "Name groups whose hosts are the servers.",
  };
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

function sharedIds(fleet: Fleet, shown: string, groups: readonly string[], name: string): Problem[] {
  const owners = new Map<number, { readonly host: string; readonly at: string }>();
  const problems: Problem[] = [];
  const hosts = new Set(groups.flatMap((group) => fleet.groups.get(group)?.hosts ?? []));
  for (const host of hosts) {
    const variable = fleet.hosts.get(host)?.vars[name];
    if (typeof variable?.value !== "number") continue;
    const owner = owners.get(variable.value);
    const at = place(variable.originOf([]));
    if (owner === undefined) owners.set(variable.value, { host, at });
    // what both inherit may be overridden where nothing could be read
    else if (at !== owner.at || !hasPartial(fleet, host, owner.host)) {
      problems.push({
        what: `${name} of ${host} is ${JSON.stringify(shownValue(variable))}, as is that of ${owner.host} in the ${groups.length === 1 ? "group" : "groups"} ${shown}`,
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
