import { readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./lbctl.ts";

/** tests/goldens/NAME/: an inventory, and below `lb-1/` the files that it must render to. */
const folder = join(root, "tests/goldens");

export const goldens = readdirSync(folder).sort();

export function goldenInventory(name: string): string {
  return join(folder, name, "hosts.yml");
}

export function goldenSet(name: string): string {
  return join(folder, name, "lb-1");
}
