import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseYaml } from "../document/yaml.ts";
import { LbctlError } from "../errors.ts";
import type { FleetOptions } from "./options.ts";

/** `-i`, else LBCTL_INVENTORY, else `inventory:` of lbctl.yml in the working directory. */
export async function inventoryPaths(options: Pick<FleetOptions, "inventory">): Promise<readonly string[]> {
  if (options.inventory && options.inventory.length > 0) return options.inventory;
  const fromEnvironment = process.env.LBCTL_INVENTORY;
  if (fromEnvironment) return [fromEnvironment];
  const file = join(process.cwd(), "lbctl.yml");
  const bytes = await readFile(file).catch(() => undefined);
  if (bytes) {
    const { value } = parseYaml(bytes, "lbctl.yml");
    const settings = value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
    const [unknown] = Object.keys(settings).filter((key) => key !== "inventory");
    if (unknown !== undefined) {
      throw new LbctlError("invalid", {
        what: `there is no setting "${unknown}"`,
        at: "lbctl.yml",
        hint: "Only `inventory` can be set here.",
      });
    }
    const inventory = "inventory" in settings ? settings.inventory : undefined;
    const paths = Array.isArray(inventory) ? inventory : [inventory];
    if (paths.every((path): path is string => typeof path === "string")) return paths;
    throw new LbctlError("invalid", {
      what: "inventory: must be a path or a list of paths",
      at: "lbctl.yml",
      hint: "Write for example `inventory: inventories/prod`.",
    });
  }
  throw new LbctlError("invalid", {
    what: "no inventory given",
    hint: "Pass -i PATH, set LBCTL_INVENTORY, or write `inventory: PATH` into lbctl.yml here.",
  });
}
