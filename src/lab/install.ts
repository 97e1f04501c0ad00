import { existsSync } from "node:fs";
import { readIfThere } from "./files.ts";
import { finishDpkg } from "./dpkg.ts";
import type { MachineChanges } from "./machine.ts";
import { runStep, type Progress } from "./progress.ts";
import { expectSuccess, type Shell } from "./shell.ts";
import type { StateFile } from "./state.ts";

// of a session of its own: Ctrl-C must not break dpkg in the middle of a package
const apt = [
  "setsid",
  "--wait",
  "apt-get",
  "-q",
  "-o",
  "DPkg::Lock::Timeout=600",
  "-o",
  "APT::Keep-Downloaded-Packages=false",
];
const quiet = { env: { DEBIAN_FRONTEND: "noninteractive" } };

/** Folders, groups and users that the packages leave behind when they are purged. */
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

/** Carries out the changes to the machine, each recorded before it is made. */
export async function installOnMachine(
  changes: MachineChanges,
  shell: Shell,
  state: StateFile,
  progress: Progress,
): Promise<void> {
  const { aptSource, packages, lines, sysctl } = changes;
  if (lines.length > 0) {
    const known = ((await state.read()).lines ?? []).filter(
      (each) => !lines.some(({ file, line }) => file === each.file && line === each.line),
    );
    await state.record({ lines: [...known, ...lines] });
    for (const { file, line } of lines) await appendLine(shell, file, line);
  }
  if (sysctl) {
    const { previous } = (await state.read()).sysctl ?? sysctl;
    await state.record({ sysctl: { previous, set: sysctl.set } });
    await setInotifyInstances(shell, sysctl.set);
  }
  if (packages.length === 0) return;
  await runStep(progress, "Read the package lists", async () => {
    if (aptSource) {
      await state.record({ aptSource: aptSource.file });
      await writeAsRoot(shell, aptSource.file, aptSource.text);
    }
    expectSuccess(await shell.root([...apt, "update"], quiet), "apt-get update");
  });
  const step = `Install ${packages.join(", ")}`;
  await runStep(progress, step, async () => {
    await finishDpkg(shell, (await state.read()).packages ?? []);
    const upgraded = await recordBefore(packages, shell, state);
    if (upgraded.length > 0) {
      progress({ step, detail: `these need newer versions of ${upgraded.join(", ")}, which will stay` });
    }
    const install = [...apt, "install", "-y", "--no-install-recommends", ...packages];
    expectSuccess(await shell.root(install, quiet), "apt-get install");
  });
}

/** Notes what an installation will bring that is not there yet: exact, and true even if it is cut short. Returns upgrades. */
async function recordBefore(
  packages: readonly string[],
  shell: Shell,
  state: StateFile,
): Promise<readonly string[]> {
  const dry = [...apt, "install", "-s", "--no-install-recommends", ...packages];
  const simulated = expectSuccess(await shell.root(dry, quiet), "apt-get install -s").stdout;
  const { packages: known = [], folders, groups, users } = await state.read();
  const groupFile = (await readIfThere("/etc/group")) ?? "";
  const userFile = (await readIfThere("/etc/passwd")) ?? "";
  await state.record({
    packages: [...new Set([...known, ...newPackages(simulated)])].sort(),
    folders: folders ?? incusFolders.filter((folder) => !existsSync(folder)),
    groups: groups ?? incusGroups.filter((group) => !new RegExp(`^${group}:`, "m").test(groupFile)),
    users: users ?? packageUsers.filter((user) => !new RegExp(`^${user}:`, "m").test(userFile)),
  });
  return [...simulated.matchAll(/^Inst (\S+) \[/gm)].map((match) => match[1] ?? "");
}

/** Pure: the packages that `apt-get -s` would install, without those it would only upgrade. */
export function newPackages(simulated: string): readonly string[] {
  return [...simulated.matchAll(/^Inst (\S+) (?!\[)/gm)].map((match) => match[1] ?? "");
}

export async function writeAsRoot(shell: Shell, file: string, text: string): Promise<void> {
  const script = 'cat > "$1.lbctl-lab" && chmod 644 "$1.lbctl-lab" && mv "$1.lbctl-lab" "$1"';
  expectSuccess(await shell.root(["sh", "-c", script, "sh", file], { input: text }), `writing ${file}`);
}

async function appendLine(shell: Shell, file: string, line: string): Promise<void> {
  const script = 'grep -qxF "$2" "$1" 2>/dev/null || printf "%s\\n" "$2" >> "$1"';
  expectSuccess(await shell.root(["sh", "-c", script, "sh", file, line]), `writing ${file}`);
}

export async function setInotifyInstances(shell: Shell, value: number): Promise<void> {
  const script = 'echo "$1" > /proc/sys/fs/inotify/max_user_instances';
  expectSuccess(await shell.root(["sh", "-c", script, "sh", String(value)]), "fs.inotify.max_user_instances");
}
