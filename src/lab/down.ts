import { existsSync } from "node:fs";
import { rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import { LbctlError } from "../errors.ts";
import { labContext, type LabContext } from "./context.ts";
import { startDaemon, stopDaemon } from "./daemon.ts";
import { deleteInstances } from "./instances.ts";
import type { Incus } from "./incus.ts";
import { deleteObjects, findObjects } from "./objects.ts";
import { runStep, type Confirm, type Progress } from "./progress.ts";
import { expectSuccess } from "./shell.ts";
import { withLock, type LabState } from "./state.ts";
import { undoMachine } from "./undo.ts";

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
    const deleted = answers ? await deleteAll(context, progress) : [];
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
    const needed = await undoMachine(context, progress);
    if (needed.length > 0) {
      // the record of these stays, so that a later run can finish
      const others = [
        "find",
        paths.root,
        "-xdev",
        "-mindepth",
        "1",
        "!",
        "-path",
        paths.state,
        "!",
        "-path",
        paths.lock,
      ];
      expectSuccess(await shell.root([...others, "-delete"]), `emptying ${paths.root}`);
      return { deleted, kept: [`packages, because others need some of them: ${needed.join(", ")}`] };
    }
    expectSuccess(await shell.root(["rm", "-rf", "--one-file-system", paths.root]), `removing ${paths.root}`);
    // lbctl's folder in the cache, unless something else is in it
    await rmdir(dirname(paths.root)).catch(() => undefined);
    return { deleted, kept: [] };
  });
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

async function deleteAll(context: LabContext, progress: Progress): Promise<readonly string[]> {
  const names = (await context.incus.instances()).map((instance) => instance.name);
  if (names.length > 0) {
    await runStep(progress, `Delete ${names.join(", ")}`, async () => {
      await deleteInstances(context.incus, names);
    });
  }
  return names;
}

/** Pure: what `--all` undoes, as sentences. */
export function describeUndo(state: LabState, cache: string): readonly string[] {
  const { packages = [], lines = [], sysctl } = state;
  return [
    "delete the lab's instances, images, network bridge, storage pool, project and profile",
    ...(state.daemon ? ["stop the Incus daemon"] : []),
    ...(packages.length > 0 ? [`purge the ${packages.length} packages that the lab installed`] : []),
    ...(state.aptSource === undefined ? [] : [`delete ${state.aptSource}`]),
    ...lines.map(({ file, line }) => `remove the line "${line}" from ${file}`),
    ...(sysctl ? [`set fs.inotify.max_user_instances back to ${sysctl.previous}`] : []),
    `delete ${cache}`,
  ];
}
