import { resolve } from "node:path";
import { readIfThere } from "../document/files.ts";
import { LbctlError, type Problem } from "../errors.ts";
import { Problems } from "../document/problems.ts";
import { Vault } from "../document/vault.ts";
import { parseYaml } from "../document/yaml.ts";
import { InventoryBuilder } from "./builder.ts";
import { findSource, type InventorySource } from "./files.ts";
import { readGroups } from "./groups.ts";
import { readVarFolder } from "./var-files.ts";
import type { VarFolder, WrittenInventory } from "./written.ts";

/** What could be read of an inventory, and what is wrong with the rest. */
export interface ReadInventory {
  readonly inventory: WrittenInventory;
  readonly problems: readonly Problem[];
}

/** The same of an inventory that is whole. Throws LbctlError `invalid` with every problem of all files. */
export async function loadInventory(...of: Parameters<typeof readInventory>): Promise<WrittenInventory> {
  const { inventory, problems } = await readInventory(...of);
  if (problems.length > 0) throw new LbctlError("invalid", problems);
  return inventory;
}

/**
 * Reads inventories as Ansible does: files or folders, later ones over earlier, with their group_vars and host_vars,
 * and those of the `project`, a folder that is to lbctl what a playbook's is to Ansible. `vault` opens files that are encrypted; values under `!vault` stay closed until they are resolved.
 */
export async function readInventory(
  paths: readonly string[],
  vault = new Vault([]),
  project?: string,
): Promise<ReadInventory> {
  if (paths.length === 0)
    throw new LbctlError("invalid", { what: "no inventory is given", hint: "Name one with -i." });
  const problems = new Problems();
  const builder = new InventoryBuilder();
  const sources: InventorySource[] = [];
  for (const path of paths) {
    const source = await problems.attempt(() => findSource(path));
    if (!source) builder.lose("anything");
    if (!source) continue;
    sources.push(source);
    for (const file of source.files) {
      const document = await problems.attempt(async () =>
        parseYaml((await readIfThere(file)) ?? new Uint8Array(), file, vault, problems),
      );
      if (document) readGroups(document, builder, problems);
      else builder.lose("anything");
    }
  }
  const written = builder.finish(problems);
  const { groups, hosts, lacks } = written;
  if (hosts.size === 0) {
    problems.addIfNone({
      what: "the inventory has no hosts",
      at: paths.join(", "),
      hint: "Write `all:`, below it `hosts:`, and below that the name of each host with a colon.",
    });
  }
  const read = new Map<string, VarFolder>();
  const readOnce = async (folder: string): Promise<VarFolder> => {
    const found =
      read.get(resolve(folder)) ??
      (await readVarFolder(folder, { groups: groups.keys(), hosts: hosts.keys(), lacks }, vault, problems));
    read.set(resolve(folder), found);
    return found;
  };
  const folders: VarFolder[] = [];
  for (const folder of foldersOf(sources)) folders.push(await readOnce(folder));
  const own = project === undefined ? undefined : await readOnce(project);
  const inventory = { ...written, folders, ...(own ? { project: own } : {}) };
  return { inventory, problems: problems.list() };
}

/** Each folder once, where it stands last: that is the one which wins. */
function foldersOf(sources: readonly InventorySource[]): string[] {
  const folders = new Map<string, string>();
  for (const { folder } of sources) {
    folders.delete(resolve(folder));
    folders.set(resolve(folder), folder);
  }
  return [...folders.values()];
}
