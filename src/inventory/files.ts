import { basename, dirname, extname, join } from "node:path";
import { namesIn, readIfThere, statIfThere } from "../document/files.ts";
import { invalid } from "../document/problems.ts";
import { isEncrypted } from "../document/vault.ts";
import { writeOut } from "./groups.ts";

/** One `-i`: the files to read in order, and the folder that may hold group_vars and host_vars. */
export interface InventorySource {
  readonly files: readonly string[];
  readonly folder: string;
}

const yamlNames = new Set([".yml", ".yaml", ".json"]);
// Ansible's INVENTORY_IGNORE_EXTS
const ignored =
  /^\.|^(?:group_vars|host_vars|vars_plugins)$|(?:\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.ini|\.cfg|\.retry)$/;

/** Finds the files of one inventory path. Throws LbctlError `invalid` for what only Ansible reads. */
export async function findSource(path: string): Promise<InventorySource> {
  const found = await statIfThere(path);
  if (!found) {
    const hint = path.includes(",")
      ? "Lists of hosts are not supported: write a YAML inventory."
      : "Check the path given with -i.";
    throw invalid("there is no such inventory file or folder", path, hint);
  }
  if (!found.isDirectory()) {
    await refuseForeign(path);
    return { files: [path], folder: dirname(path) };
  }
  const files = await filesBelow(path);
  if (files.length === 0) {
    throw invalid(
      "the inventory folder holds no inventory file",
      path,
      "Put a file such as hosts.yml into it.",
    );
  }
  for (const file of files) await refuseForeign(file, " If it is none, move it out of this folder.");
  return { files, folder: path };
}

async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const name of (await namesIn(folder)) ?? []) {
    if (ignored.test(name)) continue;
    const path = join(folder, name);
    if ((await statIfThere(path))?.isDirectory()) files.push(...(await filesBelow(path)));
    else files.push(path);
  }
  return files;
}

async function refuseForeign(file: string, more = ""): Promise<void> {
  const ending = extname(basename(file));
  if (yamlNames.has(ending)) return;
  const text = Buffer.from((await readIfThere(file)) ?? []).toString("utf8");
  if (ending === "" && !text.startsWith("#!") && looksLikeYaml(text)) return;
  const kind = text.startsWith("#!")
    ? "is an inventory script"
    : "is not a YAML inventory (those end in .yml, .yaml or .json, or have no ending and hold YAML)";
  throw invalid(`${kind}, which only Ansible reads`, file, writeOut(file) + more);
}

/** Whether the first line that says something is a key: in an INI file it is `[group]` or a host. */
function looksLikeYaml(text: string): boolean {
  const first = text.split(/\r?\n/).find((line) => !/^\uFEFF?\s*(?:#.*|---.*|%.*)?$/.test(line)) ?? "";
  return isEncrypted(text) || /^\uFEFF?\s*\{|:\s*(?:[#{&].*)?$/.test(first);
}
