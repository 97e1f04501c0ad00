import type { Group } from "../model/fleet.ts";
import type { WrittenGroup, WrittenInventory } from "./written.ts";

/** Who is in which group, computed once for all hosts. */
export interface Membership {
  readonly groups: ReadonlyMap<string, Group>;
  /** Groups of a host in merge order: `all`, then by depth, priority and name. */
  groupsOf(host: string): readonly string[];
}

export function computeMembership(written: WrittenInventory): Membership {
  const parents = parentsOf(written);
  const depths = new Map<string, number>();
  const depthOf = (name: string): number => {
    let depth = depths.get(name);
    if (depth === undefined) {
      depth = Math.max(-1, ...(parents.get(name) ?? []).map(depthOf)) + 1;
      depths.set(name, depth);
    }
    return depth;
  };
  const direct = new Map<string, string[]>();
  for (const group of written.groups.values()) {
    for (const host of group.hosts) direct.set(host, [...(direct.get(host) ?? []), group.name]);
  }
  const closures = new Map<string, readonly string[]>();
  return {
    groups: new Map([...written.groups.values()].map((group) => [group.name, readGroup(group, written)])),
    groupsOf(host) {
      const own = direct.get(host) ?? [];
      const key = own.join("\n");
      let all = closures.get(key);
      if (!all) {
        all = sortGroups(ancestors(own, parents), written, depthOf);
        closures.set(key, all);
      }
      return all;
    },
  };
}

function parentsOf(written: WrittenInventory): ReadonlyMap<string, readonly string[]> {
  const parents = new Map<string, string[]>();
  for (const group of written.groups.values()) {
    for (const child of group.children) parents.set(child, [...(parents.get(child) ?? []), group.name]);
  }
  return parents;
}

function ancestors(names: readonly string[], parents: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set<string>(["all"]);
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    parents.get(name)?.forEach(visit);
  };
  names.forEach(visit);
  return found;
}

function sortGroups(
  names: Set<string>,
  written: WrittenInventory,
  depthOf: (name: string) => number,
): string[] {
  const priority = (name: string): number => written.groups.get(name)?.priority ?? 1;
  return [...names].sort((a, b) => depthOf(a) - depthOf(b) || priority(a) - priority(b) || (a < b ? -1 : 1));
}

/** Hosts of a group and its children, nearest groups first, as `ansible --list-hosts` lists them. */
function readGroup(group: WrittenGroup, written: WrittenInventory): Group {
  const seen = new Set<string>([group.name]);
  const hosts = new Set<string>(group.hosts);
  for (const name of seen) {
    const next = written.groups.get(name);
    next?.hosts.forEach((host) => hosts.add(host));
    next?.children.forEach((child) => seen.add(child));
  }
  return { name: group.name, hosts: [...hosts], children: [...group.children] };
}
