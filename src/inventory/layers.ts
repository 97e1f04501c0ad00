import { partOf, type Part } from "../document/part.ts";
import type { Variables } from "../model/fleet.ts";
import type { Membership } from "./membership.ts";
import type { VarFolder, WrittenHost, WrittenInventory, WrittenVars } from "./written.ts";

/** Variables by name, as they were written. */
export type Layer = ReadonlyMap<string, Part>;

/** A host's variables by Ansible's precedence: `defaults`, groups, the host, host_vars/, then `extraVars`. */
export function hostLayers(
  written: WrittenInventory,
  membership: Membership,
  { defaults, extraVars }: { readonly defaults: Variables; readonly extraVars: Variables },
): (host: WrittenHost) => Layer {
  const [lowest, highest] = [layerOf(defaults), layerOf(extraVars)];
  // hosts of the same groups share one list of them
  const groupLayers = new Map<readonly string[], Layer>();
  return (host) => {
    const groups = membership.groupsOf(host.name);
    let shared = groupLayers.get(groups);
    if (!shared) {
      shared = merge([lowest, ...layersOfGroups(groups, written)]);
      groupLayers.set(groups, shared);
    }
    const own = varFolders(written).map((folder) => folder.hosts.get(host.name) ?? none);
    return merge([shared, host.vars, ...own, highest]);
  };
}

const none: WrittenVars = new Map();

/** In the order of Ansible, which takes a playbook's folder, here the project's, last. */
export function varFolders({ folders, project }: WrittenInventory): readonly VarFolder[] {
  return project ? [...folders, project] : folders;
}

/** `all` inline, groups inline, group_vars/all, other group_vars: Ansible's VARIABLE_PRECEDENCE. */
function layersOfGroups(groups: readonly string[], written: WrittenInventory): Layer[] {
  const others = groups.filter((name) => name !== "all");
  const inline = (name: string): Layer => written.groups.get(name)?.vars ?? none;
  const inFolder = (folder: VarFolder, name: string): Layer => folder.groups.get(name) ?? none;
  return [
    inline("all"),
    ...others.map(inline),
    ...varFolders(written).map((folder) => inFolder(folder, "all")),
    ...varFolders(written).flatMap((folder) => others.map((name) => inFolder(folder, name))),
  ];
}

function merge(layers: readonly Layer[]): Layer {
  const merged = new Map<string, Part>();
  for (const layer of layers) layer.forEach((part, name) => merged.set(name, part));
  return merged;
}

function layerOf(variables: Variables): Layer {
  return new Map(Object.entries(variables).map(([name, variable]) => [name, partOf(variable)]));
}
