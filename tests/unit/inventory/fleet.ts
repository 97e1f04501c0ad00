import { join } from "node:path";
import { LbctlError } from "../../../src/errors.ts";
import { loadInventory } from "../../../src/inventory/load.ts";
import { resolveFleet, type ResolveOptions } from "../../../src/inventory/resolve.ts";
import type { Fleet } from "../../../src/model/fleet.ts";
import { folderOf } from "../folder.ts";

/** A fleet of these files; `hosts.yml` is the inventory. */
export async function fleetOf(
  files: Readonly<Record<string, string>> | string,
  options: Partial<ResolveOptions> = {},
): Promise<Fleet> {
  const folder = await folderOf(typeof files === "string" ? { "hosts.yml": files } : files);
  const written = await loadInventory([join(folder, "hosts.yml")]);
  const { fleet, problems } = resolveFleet(written, { defaults: {}, extraVars: {}, ...options });
  if (problems.length > 0) throw new LbctlError("invalid", problems);
  return fleet;
}

/** Values of a host's variables. */
export function valuesOf(fleet: Fleet, host: string): Record<string, unknown> {
  const entries = Object.entries(fleet.hosts.get(host)?.vars ?? {});
  return Object.fromEntries(entries.map(([name, variable]) => [name, variable.value]));
}
