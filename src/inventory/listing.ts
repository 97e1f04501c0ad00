import { listOf, mapOf, Part } from "../document/part.ts";
import type { Layer } from "./layers.ts";
import type { WrittenGroup, WrittenInventory } from "./written.ts";

const origin = { file: "lbctl", line: 1 };

/** What Ansible knows of every host by itself, and leaves out of its listings. */
const internal = new Set([
  "ansible_diff_mode",
  "ansible_config_file",
  "ansible_facts",
  "ansible_forks",
  "ansible_inventory_sources",
  "ansible_limit",
  "ansible_playbook_python",
  "ansible_run_tags",
  "ansible_skip_tags",
  "ansible_verbosity",
  "ansible_version",
  "inventory_dir",
  "inventory_file",
  "inventory_hostname",
  "inventory_hostname_short",
  "groups",
  "group_names",
  "omit",
  "playbook_dir",
]);

/** Variables of a host, as a map that can be printed. */
export function hostListing(vars: Layer): Part {
  return mapOf(new Map([...vars].filter(([name]) => !internal.has(name))), origin);
}

/** The whole inventory in the shape of `ansible-inventory --list`: groups by name, and variables in `_meta`. */
export function inventoryListing(
  inventory: Pick<WrittenInventory, "groups">,
  hosts: ReadonlyMap<string, Layer>,
): Part {
  const groups = new Map<string, Part>();
  const reached = new Set(["all"]);
  for (const name of reached) {
    const group = inventory.groups.get(name);
    if (!group) continue;
    const listing = groupListing(group, hosts);
    if (listing.parts.size > 0) groups.set(name, listing);
    group.children.forEach((child) => reached.add(child));
  }
  const vars = [...hosts].map(([name, own]) => [name, hostListing(own)] as const);
  const hostvars = mapOf(new Map(vars.filter(([, own]) => own.parts.size > 0)), origin);
  groups.set("_meta", mapOf(new Map([["hostvars", hostvars]]), origin));
  return mapOf(groups, origin);
}

function groupListing(group: WrittenGroup, hosts: ReadonlyMap<string, Layer>): Part {
  const own = group.name === "all" ? [] : [...group.hosts].filter((host) => hosts.has(host));
  const sections = [
    ["hosts", own],
    ["children", [...group.children]],
  ] as const;
  const filled = sections.filter(([, names]) => names.length > 0);
  return mapOf(new Map(filled.map(([section, names]) => [section, textList(names)])), origin);
}

function textList(names: readonly string[]): Part {
  return listOf(
    names.map((name) => new Part(name, origin)),
    origin,
  );
}

/** The group and what is below it, in the lines of `ansible-inventory --graph`. */
export function inventoryGraph(
  inventory: Pick<WrittenInventory, "groups">,
  hosts: { has(name: string): boolean },
  top: WrittenGroup,
  depth = 0,
): string[] {
  const line = (name: string, level: number): string =>
    level > 0 ? `${"  |".repeat(level)}--${name}` : name;
  const own = top.name === "all" ? [] : [...top.hosts].filter((host) => hosts.has(host));
  return [
    line(`@${top.name}:`, depth),
    ...childrenOf(top, inventory).flatMap((child) => inventoryGraph(inventory, hosts, child, depth + 1)),
    ...own.map((host) => line(host, depth + 1)),
  ];
}

function childrenOf(
  { children }: Pick<WrittenGroup, "children">,
  { groups }: Pick<WrittenInventory, "groups">,
): WrittenGroup[] {
  return [...children].flatMap((name) => groups.get(name) ?? []);
}
