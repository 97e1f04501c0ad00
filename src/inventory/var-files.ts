import { extname, join } from "node:path";
import { namesIn, readIfThere, statIfThere } from "../document/files.ts";
import type { Lacking } from "../model/fleet.ts";
import { isMap, type Part } from "../document/part.ts";
import type { Problems } from "../document/problems.ts";
import { place, readAs } from "../document/words.ts";
import { parseYaml } from "../document/yaml.ts";
import type { Vault } from "../document/vault.ts";
import { isEmpty } from "./groups.ts";
import type { VarFolder, WrittenVars } from "./written.ts";

const endings = ["", ".yml", ".yaml", ".json"];

/** Of whom variables are read. */
export interface Owners {
  readonly groups: Iterable<string>;
  readonly hosts: Iterable<string>;
  /** Of what there may be more, so that what is wrong with any of its YAML files is worth telling. */
  readonly lacks: Lacking | undefined;
}

/** Reads group_vars/ and host_vars/ of one folder, for these groups and hosts only, as Ansible does. */
export async function readVarFolder(
  folder: string,
  { groups, hosts, lacks }: Owners,
  vault: Vault,
  problems: Problems,
): Promise<VarFolder> {
  const unread = new Set<string>();
  const readOf = async (name: string, owners: Iterable<string>, mayBeMore: boolean) => {
    const more = mayBeMore ? await yamlNamesIn(join(folder, name), problems) : [];
    return readAll(join(folder, name), new Set([...owners, ...more]), vault, problems, unread);
  };
  return {
    groups: await readOf("group_vars", groups, lacks === "anything"),
    hosts: await readOf("host_vars", hosts, lacks !== undefined),
    unread,
  };
}

async function yamlNamesIn(folder: string, problems: Problems): Promise<string[]> {
  const names = (await problems.attempt(() => namesIn(folder))) ?? [];
  return names.flatMap((name) => /^([^.].*)\.(?:ya?ml|json)$/.exec(name)?.[1] ?? []);
}

async function readAll(
  folder: string,
  names: Iterable<string>,
  vault: Vault,
  problems: Problems,
  unread: Set<string>,
): Promise<Map<string, WrittenVars>> {
  const found = await problems.attempt(async () => (await namesIn(folder)) ?? []);
  if (!found) unread.add("all");
  const present = new Set(found);
  const read = new Map<string, WrittenVars>();
  if (present.size === 0) return read;
  for (const name of names) {
    // the first name that is there wins, and a folder is tried before NAME.yml
    const ending = endings.find((candidate) => present.has(name + candidate));
    if (ending === undefined) continue;
    const files = await problems.attempt(() => varFilesAt(join(folder, name + ending)));
    if (!files) unread.add(name);
    const vars = new Map<string, Part>();
    for (const file of files ?? []) if (!(await readInto(file, vars, vault, problems))) unread.add(name);
    read.set(name, vars);
  }
  return read;
}

/** The file itself, or all files of a folder in order, folders inside it included. */
async function varFilesAt(path: string): Promise<string[]> {
  if (!(await statIfThere(path))?.isDirectory()) return [path];
  const files: string[] = [];
  for (const name of (await namesIn(path)) ?? []) {
    if (name.startsWith(".") || name.endsWith("~")) continue;
    const inner = join(path, name);
    const isFolder = (await statIfThere(inner))?.isDirectory() === true;
    if (isFolder && extname(name) === "") files.push(...(await varFilesAt(inner)));
    else if (!isFolder && endings.includes(extname(name))) files.push(inner);
  }
  return files;
}

/** Whether the file could be read. */
async function readInto(
  file: string,
  vars: Map<string, Part>,
  vault: Vault,
  problems: Problems,
): Promise<boolean> {
  const document = await problems.attempt(async () =>
    parseYaml((await readIfThere(file)) ?? new Uint8Array(), file, vault, problems),
  );
  if (document === undefined || document.tag === "!broken") return false;
  if (isEmpty(document)) return true;
  if (isMap(document.value)) {
    document.parts.forEach((part, name) => vars.set(String(name), part));
    return true;
  }
  problems.add({
    what: `a variables file must be a map; read ${readAs(document.value)}`,
    at: place(document.origin),
    hint: "Write each variable as `name: value`.",
  });
  return false;
}
