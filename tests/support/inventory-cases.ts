import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseYaml } from "../../src/document/yaml.ts";
import { root } from "./lbctl.ts";

/** A folder of tests/cases/inventory/, whose case.yml says what is asked of Ansible and of lbctl. */
export interface InventoryCase {
  readonly name: string;
  readonly folder: string;
  /** `-i`, `-e` and vault options; without them `-i hosts.yml`. */
  readonly args: readonly string[];
  /** Patterns whose hosts are compared, in order. */
  readonly select: readonly string[];
  /** The same through --limit, where `@file` is allowed. */
  readonly limit: readonly string[];
  /** Patterns that match nothing: Ansible warns or fails, lbctl refuses. */
  readonly refuse: readonly string[];
  readonly graph: readonly string[];
  readonly host: readonly string[];
  /** Variables whose resolved values are compared. */
  readonly resolved: readonly string[];
  /** Variables that come from an encrypted file: Ansible prints them, lbctl masks them. */
  readonly masked: readonly string[];
}

export function inventoryCases(): InventoryCase[] {
  const folder = join(root, "tests/cases/inventory");
  return readdirSync(folder)
    .sort()
    .map((name) => readCase(name, join(folder, name)));
}

function readCase(name: string, folder: string): InventoryCase {
  const file = join(folder, "case.yml");
  const document = parseYaml(readFileSync(file), file).value as Readonly<Record<string, readonly string[]>>;
  const {
    about,
    args = [],
    select = [],
    limit = [],
    refuse = [],
    graph = [],
    host = [],
    resolved = [],
    masked = [],
  } = document;
  const unknown = Object.keys(document).filter(
    (key) =>
      !["about", "args", "select", "limit", "refuse", "graph", "host", "resolved", "masked"].includes(key),
  );
  if (about === undefined || unknown.length > 0)
    throw new Error(`${file}: about is missing, or unknown ${unknown.join()}`);
  const withInventory = args.includes("-i") ? args : ["-i", "hosts.yml", ...args];
  return { name, folder, args: withInventory, select, limit, refuse, graph, host, resolved, masked };
}
