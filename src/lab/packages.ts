import { existsSync } from "node:fs";
import { apt, aptInstall, quiet } from "./apt.ts";
import type { Machine } from "./context.ts";
import { finishDpkg } from "./dpkg.ts";
import { readIfThere } from "./files.ts";
import { keepVersion } from "./keep-version.ts";
import { runStep, type Progress } from "./progress.ts";
import { expectSuccess, type Shell } from "./shell.ts";
import { mergeUpgrades, newPackages, upgradedPackages, type UpgradedPackage } from "./simulation.ts";
import type { LabState, StateFile } from "./state.ts";

// of a session of its own: Ctrl-C must not break dpkg in the middle of a package
const install = ["setsid", "--wait", ...aptInstall];

/** Packages that leave folders, groups and users behind when they are purged. */
export const leavers = /^(?:incus|lxcfs|dnsmasq)/;
const incusFolders = [
  "/var/lib/incus",
  "/var/log/incus",
  "/var/cache/incus",
  "/run/incus",
  "/etc/incus",
  "/var/lib/lxcfs",
];
const incusGroups = ["incus", "incus-admin"];
const packageUsers = ["dnsmasq"];

export async function updateLists(shell: Shell): Promise<void> {
  expectSuccess(await shell.root(["setsid", "--wait", ...apt, "update"], quiet), "apt-get update");
}

/** Installs packages, recorded before they come, and so are the versions of what must be upgraded for them. */
export async function installPackages(
  packages: readonly string[],
  machine: Machine,
  progress: Progress,
): Promise<void> {
  const { shell, state, paths } = machine;
  const step = `Install ${packages.join(", ")}`;
  await runStep(progress, step, async () => {
    const { packages: ours = [], upgraded = [] } = await state.read();
    await finishDpkg(shell, ours, upgraded, paths.packages);
    const simulated = expectSuccess(
      await shell.root([...aptInstall, "-s", ...packages], quiet),
      "apt-get -s",
    );
    const upgrades = upgradedPackages(simulated.stdout).filter(({ name }) => !ours.includes(name));
    if (upgrades.length > 0) {
      const names = upgrades.map(({ name }) => name).join(", ");
      progress({
        step,
        detail: `these need newer versions of ${names}; the present ones are kept, to be put back`,
      });
      await recordUpgrades(upgrades, machine);
    }
    await recordNew(newPackages(simulated.stdout), state);
    expectSuccess(await shell.root([...install, ...packages], quiet), "apt-get install");
  });
}

async function recordUpgrades(upgrades: readonly UpgradedPackage[], machine: Machine): Promise<void> {
  const { shell, state, paths } = machine;
  const marks = await shell.run(["apt-mark", "showauto", ...upgrades.map(({ name }) => name)]);
  const automatic = expectSuccess(marks, "apt-mark").stdout.split("\n");
  const marked = upgrades.map((each) => ({ ...each, automatic: automatic.includes(each.name) }));
  for (const upgrade of marked) await keepVersion(shell, paths.packages, upgrade);
  const { upgraded = [] } = await state.read();
  await state.record({ upgraded: mergeUpgrades(upgraded, marked) });
}

/** Exact, and true even if the installation is cut short. */
async function recordNew(added: readonly string[], state: StateFile): Promise<void> {
  const known = await state.read();
  await state.record({
    packages: [...new Set([...(known.packages ?? []), ...added])].sort(),
    ...(added.some((name) => leavers.test(name)) ? await notThereYet(known) : {}),
  });
}

/** What the packages will leave behind, as far as it is not there before them. */
async function notThereYet(known: LabState): Promise<Pick<LabState, "folders" | "groups" | "users">> {
  const groupFile = (await readIfThere("/etc/group")) ?? "";
  const userFile = (await readIfThere("/etc/passwd")) ?? "";
  const lacks = (text: string, name: string): boolean => !new RegExp(`^${name}:`, "m").test(text);
  return {
    folders: known.folders ?? incusFolders.filter((folder) => !existsSync(folder)),
    groups: known.groups ?? incusGroups.filter((group) => lacks(groupFile, group)),
    users: known.users ?? packageUsers.filter((user) => lacks(userFile, user)),
  };
}
