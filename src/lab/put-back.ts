import { aptInstall, quiet } from "./apt.ts";
import type { Machine } from "./context.ts";
import { keptDeb } from "./keep-version.ts";
import { expectSuccess, type Shell } from "./shell.ts";
import type { UpgradedPackage } from "./simulation.ts";

/** Packages that keep the newer version, by name. */
export interface NotPutBack {
  /** Something else needs it by now. */
  readonly needed: readonly string[];
  /** Somebody has upgraded it further, so that it is no longer the lab's. */
  readonly foreign: readonly string[];
}

const downgrade = [...aptInstall, "--allow-downgrades"];

/** Gives each package that the lab upgraded its version from before, where it still has the lab's. */
export async function putBack(machine: Machine): Promise<NotPutBack> {
  const { shell, state, paths } = machine;
  const { upgraded = [] } = await state.read();
  const now = await installedVersions(upgraded, shell);
  const ours = upgraded.filter(({ name, set }) => now.get(name) === set);
  const isPossible = async (some: readonly UpgradedPackage[]): Promise<boolean> =>
    some.length === 0 || (await takesOnly(some, paths.packages, shell));
  let going = ours;
  if (!(await isPossible(ours))) {
    going = [];
    for (const each of ours) if (await isPossible([...going, each])) going.push(each);
  }
  const needed = ours.filter((each) => !going.includes(each));
  if (going.length > 0) {
    const debs = going.map((each) => keptDeb(paths.packages, each));
    const argv = ["setsid", "--fork", "--wait", ...downgrade, ...debs];
    expectSuccess(await shell.root(argv, quiet), "apt-get install");
  }
  const back = upgraded.filter((each) => going.includes(each) || now.get(each.name) === each.previous);
  for (const each of back) await tidy(each, paths.packages, shell);
  await state.record({ upgraded: needed });
  if (needed.length === 0) await state.forget("upgraded");
  return {
    needed: needed.map(({ name }) => name),
    foreign: upgraded
      .filter(({ name, set, previous }) => ![undefined, set, previous].includes(now.get(name)))
      .map(({ name }) => name),
  };
}

/** The version of each that is installed, in whatever state. */
async function installedVersions(
  packages: readonly UpgradedPackage[],
  shell: Shell,
): Promise<ReadonlyMap<string, string>> {
  const versions = new Map<string, string>();
  for (const { name } of packages) {
    const format = "${db:Status-Status} ${Version}\\n";
    const { stdout } = await shell.run(["dpkg-query", "-W", "-f", format, name]);
    const [status = "", version = ""] = (stdout.split("\n")[0] ?? "").split(" ");
    if (!["", "not-installed", "config-files"].includes(status)) versions.set(name, version);
  }
  return versions;
}

/** Whether these versions can be put back without another package being touched. */
async function takesOnly(
  packages: readonly UpgradedPackage[],
  folder: string,
  shell: Shell,
): Promise<boolean> {
  const debs = packages.map((each) => keptDeb(folder, each));
  const simulated = await shell.root([...downgrade, "-s", ...debs], quiet);
  if (simulated.exitCode !== 0) return false;
  const names = packages.map(({ name }) => name);
  return [...simulated.stdout.matchAll(/^(?:Inst|Remv|Purg) (\S+)/gm)].every(([, name = ""]) =>
    names.includes(name),
  );
}

/** What apt and dpkg noted meanwhile: that somebody asked for the package, and the newer form of a changed conffile. */
async function tidy(upgrade: UpgradedPackage, folder: string, shell: Shell): Promise<void> {
  if (upgrade.automatic) await shell.root(["apt-mark", "auto", upgrade.name], quiet);
  const script = String.raw`dpkg-query -W -f '${"$"}{Conffiles}\n' "$1" | while read -r file sum; do
  [ ! -e "$file.dpkg-dist" ] || find "$file.dpkg-dist" -cnewer "$2" -delete
done
rm -f "$2"`;
  const deb = keptDeb(folder, upgrade);
  await shell.root(["sh", "-c", script, "sh", upgrade.name, deb]);
}
