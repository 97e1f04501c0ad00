import { existsSync } from "node:fs";
import { rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { LbctlError } from "../errors.ts";
import { labContext, type LabContext } from "./context.ts";
import { startDaemon, stopDaemon } from "./daemon.ts";
import { deleteInstances, isMadeByLab } from "./instances.ts";
import { labName, type Incus, type IncusInstance } from "./incus.ts";
import { deleteObjects, findObjects } from "./objects.ts";
import { runStep, type Confirm, type Progress } from "./progress.ts";
import { expectSuccess } from "./shell.ts";
import { withLock, type LabState } from "./state.ts";
import { undoMachine, type LeftOver } from "./undo.ts";

export interface LabDownOptions {
  /** Undo every change to the machine too. */
  readonly all: boolean;
  readonly interactive: boolean;
  /** Stops after the program that runs. */
  readonly signal: AbortSignal;
}

export interface LabDownResult {
  readonly deleted: readonly string[];
  /** Why Incus or a package that the lab installed had to stay; empty when nothing did. */
  readonly kept: readonly string[];
}

/** Deletes the instances; with `all`, whatever else the lab made or changed. */
export async function labDown(
  options: LabDownOptions,
  progress: Progress,
  confirm: Confirm,
): Promise<LabDownResult> {
  const context = labContext(options.interactive, options.signal);
  const { incus, state, paths, shell } = context;
  if (!existsSync(paths.root) && !(await isInIncus(incus))) return { deleted: [], kept: [] };
  return await withLock(paths.lock, async () => {
    const recorded = await state.read();
    if (options.all) {
      if (!(await confirm(describeUndo(recorded, paths.root)))) {
        throw new LbctlError("interrupted", { what: "nothing was changed" });
      }
      await shell.prepareRoot();
    }
    let answers = await incus.answers();
    if (options.all && !answers && recorded.subnet !== undefined && (await isInstalled(incus))) {
      await runStep(progress, "Start the Incus daemon, to clean up", async () => {
        await startDaemon(shell, incus, state, paths);
      });
      answers = true;
    }
    const instances = !answers ? [] : options.all ? await incus.everyInstance() : await incus.instances();
    if (options.all) refuseStrangers(instances);
    const deleted = await deleteAll(instances, incus, progress);
    if (!options.all) return { deleted, kept: [] };
    if (answers) {
      await runStep(progress, "Delete the images, profile, project, bridge and storage pool", async () => {
        await deleteObjects(incus);
        await state.forget("subnet");
      });
    }
    const foreign = answers ? await incus.foreignObjects() : [];
    if (foreign.length > 0) {
      await shell.root(["rm", "-rf", "--one-file-system", paths.images]);
      return { deleted, kept: [`Incus itself, because it has ${foreign.join(", ")}`] };
    }
    const { daemon } = await state.read();
    if (daemon) {
      await runStep(progress, "Stop the Incus daemon", async () => {
        await stopDaemon(daemon, shell);
        await state.forget("daemon");
      });
    }
    const left = await undoMachine(context, progress);
    await removeCache(context, left);
    return { deleted, kept: describeLeft(left) };
  });
}

/** While packages stay that a later run may undo, their record does too. */
async function removeCache({ shell, paths }: LabContext, left: LeftOver): Promise<void> {
  const { root } = paths;
  if (left.packages.length > 0 || left.needed.length > 0) {
    const stays = [paths.state, paths.lock, paths.packages, `${paths.packages}/*`];
    const others = stays.flatMap((path) => ["!", "-path", path]);
    const argv = ["find", root, "-xdev", "-mindepth", "1", ...others, "-delete"];
    expectSuccess(await shell.root(argv), `emptying ${root}`);
    return;
  }
  // an image build that was interrupted may still be ending
  const remove =
    'for n in 1 2 3 4 5 6 7 8 9; do rm -rf --one-file-system "$1" && exit; sleep 1; done; exit 1';
  expectSuccess(await shell.root(["sh", "-c", remove, "sh", root]), `removing ${root}`);
  // lbctl's folder in the cache, unless something else is in it
  await rmdir(dirname(root)).catch(() => undefined);
}

/** Pure: what stays, as the ends of sentences. */
export function describeLeft({ packages, needed, foreign }: LeftOver): readonly string[] {
  return [
    ...(packages.length > 0 ? [`packages, because others need some of them: ${packages.join(", ")}`] : []),
    ...(needed.length > 0 ? [`newer versions, because others need them: ${needed.join(", ")}`] : []),
    ...(foreign.length > 0
      ? [`what has been upgraded further since the lab did it: ${foreign.join(", ")}`]
      : []),
  ];
}

async function isInstalled(incus: Incus): Promise<boolean> {
  return (await incus.try(["--version"])).exitCode === 0;
}

/** Whether a daemon has the lab's objects though the cache is gone. */
async function isInIncus(incus: Incus): Promise<boolean> {
  if (!(await incus.answers())) return false;
  const { project, pool, subnet } = await findObjects(incus);
  return project || pool || subnet !== undefined;
}

/** The lab's project cannot go while it has an instance of somebody else's. */
function refuseStrangers(instances: readonly IncusInstance[]): void {
  const names = instances.filter((each) => !isMadeByLab(each)).map(({ name }) => name);
  if (names.length === 0) return;
  throw new LbctlError("invalid", {
    what: `${names.join(", ")}: in the lab's project, and not made by the lab`,
    hint: `Move or delete what you made there (\`incus delete --project ${labName} ${names.join(" ")}\`), then run this again. Nothing was deleted.`,
  });
}

async function deleteAll(
  instances: readonly IncusInstance[],
  incus: Incus,
  progress: Progress,
): Promise<readonly string[]> {
  const names = instances.map(({ name }) => name);
  if (names.length > 0) {
    await runStep(progress, `Delete ${names.join(", ")}`, async () => {
      await deleteInstances(incus, names);
    });
  }
  return names;
}

/** Pure: what `--all` undoes, as sentences. */
export function describeUndo(state: LabState, cache: string): readonly string[] {
  const { packages = [], upgraded = [], lines = [], sysctl } = state;
  return [
    "delete the lab's instances (those of a bench too), images, network bridge, storage pool, project and profile",
    ...(state.daemon ? ["stop the Incus daemon"] : []),
    ...(packages.length > 0 ? [`purge the ${packages.length} packages that the lab installed`] : []),
    ...upgraded.map(({ name, previous, set }) => `put ${name} ${previous} back, now ${set}`),
    ...(state.aptSource === undefined ? [] : [`delete ${state.aptSource}`]),
    ...lines.map(({ file, line }) => `remove the line "${line}" from ${file}`),
    ...(sysctl ? [`set fs.inotify.max_user_instances back to ${sysctl.previous}`] : []),
    `delete ${cache}`,
  ];
}
