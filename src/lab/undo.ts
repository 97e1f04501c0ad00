import { basename } from "node:path";
import { readIfThere } from "./files.ts";
import type { LabContext } from "./context.ts";
import { setInotifyInstances, writeAsRoot } from "./install.ts";
import { finishDpkg, purge } from "./dpkg.ts";
import { leavers } from "./packages.ts";
import { putBack, type NotPutBack } from "./put-back.ts";
import { runStep, type Progress } from "./progress.ts";
import { expectSuccess, type Shell } from "./shell.ts";

/** Packages that stay as the lab made them, by name. */
export interface LeftOver extends NotPutBack {
  /** Installed by the lab, and needed by something else by now. */
  readonly packages: readonly string[];
}

/** Undoes each recorded change to the machine, last first. */
export async function undoMachine(context: LabContext, progress: Progress): Promise<LeftOver> {
  const { shell, state, paths } = context;
  const {
    packages = [],
    upgraded = [],
    aptSource,
    lines = [],
    sysctl,
    folders = [],
    groups = [],
    users = [],
  } = await state.read();
  let kept: readonly string[] = [];
  if (packages.length > 0) {
    await runStep(progress, "Purge the packages that the lab installed", async () => {
      await finishDpkg(shell, packages, upgraded, paths.packages);
      kept = await purge(packages, shell);
      if (kept.length === 0) await state.forget("packages");
      else await state.record({ packages: kept });
    });
  }
  let notBack: NotPutBack = { needed: [], foreign: [] };
  if (upgraded.length > 0) {
    await runStep(progress, `Put back ${upgraded.map(({ name }) => name).join(", ")}`, async () => {
      await finishDpkg(shell, packages, upgraded, paths.packages);
      notBack = await putBack(context);
    });
  }
  // what is left of Incus still wants its folders and groups
  if (!kept.some((name) => leavers.test(name))) {
    for (const folder of folders) await removeTree(folder, shell);
    // exit code 6: the packages have already taken them along
    for (const user of users) await shell.root(["userdel", user]);
    for (const group of groups) await shell.root(["groupdel", group]);
    await state.forget("folders", "users", "groups");
  }
  if (aptSource !== undefined) {
    await removeSource(aptSource, shell);
    await state.forget("aptSource");
  }
  for (const { file, line } of lines) {
    const text = (await readIfThere(file)) ?? "";
    const rest = text.split("\n").filter((each) => each !== line);
    if (rest.join("\n") !== text) await writeAsRoot(shell, file, rest.join("\n"));
  }
  await state.forget("lines");
  if (sysctl) {
    const now = Number(await readIfThere("/proc/sys/fs/inotify/max_user_instances"));
    // somebody may have raised it further
    if (now === sysctl.set) await setInotifyInstances(shell, sysctl.previous);
    await state.forget("sysctl");
  }
  return { packages: kept, ...notBack };
}

/** Removes a folder that was not there before the lab, with what a stopped daemon left mounted in it. */
async function removeTree(folder: string, shell: Shell): Promise<void> {
  const mounts = (await readIfThere("/proc/self/mounts")) ?? "";
  const below = mounts
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((point) => point === folder || point.startsWith(`${folder}/`));
  for (const point of below.reverse())
    expectSuccess(await shell.root(["umount", "-l", point]), `umount ${point}`);
  expectSuccess(await shell.root(["rm", "-rf", "--one-file-system", folder]), `removing ${folder}`);
}

/** The source goes, and with it the lists that apt fetched for it. */
async function removeSource(file: string, shell: Shell): Promise<void> {
  const suite = /^Suites: (\S+)$/m.exec((await readIfThere(file)) ?? "")?.[1];
  expectSuccess(await shell.root(["rm", "-f", file]), `removing ${basename(file)}`);
  if (suite === undefined) return;
  const script = 'rm -f /var/lib/apt/lists/*_dists_"$1"_*';
  expectSuccess(await shell.root(["sh", "-c", script, "sh", suite]), "removing package lists");
}
