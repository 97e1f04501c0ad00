import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageRoot } from "../package-root.ts";
import { expectSuccess, type Shell } from "./shell.ts";
import type { UpgradedPackage } from "./simulation.ts";

/** Where the version from before the lab is kept, in `folder`. A colon is written as apt writes it. */
export function keptDeb(folder: string, { name, previous }: UpgradedPackage): string {
  return join(folder, `${name}_${previous}.deb`.replaceAll(":", "%3a"));
}

/** Packs the installed version of a package, unless that is done already. */
export async function keepVersion(shell: Shell, folder: string, upgrade: UpgradedPackage): Promise<void> {
  const script = await readFile(join(packageRoot(), "src", "lab", "keep-version.sh"), "utf8");
  const argv = ["sh", "-c", script, "keep-version.sh", upgrade.name, keptDeb(folder, upgrade)];
  expectSuccess(await shell.root(argv), `keeping ${upgrade.name} ${upgrade.previous}`);
}
