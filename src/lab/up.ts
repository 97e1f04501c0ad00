import { readIfThere, writeAtomically } from "./files.ts";
import { labContext, type LabContext } from "./context.ts";
import { startDaemon } from "./daemon.ts";
import { findUnhealthy, waitUntilHealthy } from "./health.ts";
import { describeImages, ensureImages, needsBuild, type LabImages } from "./images.ts";
import { installOnMachine } from "./install.ts";
import * as instances from "./instances.ts";
import { writeInventory } from "./inventory.ts";
import * as machine from "./machine.ts";
import { labMembers, type HaproxyRelease, type LabSize, type Member } from "./members.ts";
import { createObjects, findObjects, type LabObjects } from "./objects.ts";
import { runStep, type Confirm, type Progress } from "./progress.ts";
import { ensureKey, formatKnownHosts } from "./ssh.ts";
import { withLock } from "./state.ts";
import { findFreeSubnet } from "./subnet.ts";
import { LbctlError } from "../errors.ts";

export interface LabUpOptions extends LabSize {
  /** Where `inventories/lab` is written. */
  readonly cwd: string;
  /** sudo may ask for a password on this terminal. */
  readonly interactive: boolean;
  /** Stops after the program that runs. */
  readonly signal: AbortSignal;
}

export interface LabUpResult {
  readonly inventory: string;
  readonly members: readonly Member[];
  readonly created: readonly string[];
  readonly removed: readonly string[];
  readonly started: readonly string[];
}

const nothing: LabObjects = { project: false, pool: false, profile: false, subnet: undefined };

/** Brings the lab to what `options` say. */
export async function labUp(
  options: LabUpOptions,
  progress: Progress,
  confirm: Confirm,
): Promise<LabUpResult> {
  const context = labContext(options.interactive, options.signal);
  labMembers(options, "0.0.0");
  return await withLock(context.paths.lock, async () => {
    const images = await describeImages(options.haproxy);
    const { facts, objects, imported } = await look(context, images);
    const changes = machine.planMachine(facts);
    const described = machine.describeChanges(changes, facts.subnet);
    if (described.length > 0) {
      if (!(await confirm(described))) {
        throw new LbctlError("interrupted", { what: "nothing was changed" });
      }
      await context.shell.prepareRoot();
      await installOnMachine(changes, context, progress);
    }
    const publicKey = await ensureKey(context.paths, context.shell);
    if (changes.startDaemon) {
      await runStep(progress, "Start the Incus daemon", async () => {
        await startDaemon(context.shell, context.incus, context.state, context.paths);
      });
    }
    // a daemon that was stopped may still have the lab's objects
    const has = changes.startDaemon ? await findObjects(context.incus) : objects;
    const subnet = has.subnet ?? facts.subnet;
    if (!has.profile || !has.pool || has.subnet === undefined) {
      await runStep(progress, "Create the bridge, storage pool, project and profile", async () => {
        await context.state.record({ subnet });
        await createObjects(context.incus, has, subnet);
      });
    }
    const known = changes.startDaemon ? await context.incus.imageAliases() : imported;
    await ensureImages(options.haproxy, images, known, { ...context, progress });
    const members = labMembers(options, subnet);
    const wanted = members.map((member) =>
      instances.wantInstance(member, images, options.haproxy, publicKey),
    );
    const done = await settleInstances(wanted, options.haproxy, context, progress);
    const unhealthy = await findUnhealthy(members);
    if (unhealthy.length > 0) {
      const step = `Start the demo backends of ${unhealthy.map(({ name }) => name).join(", ")}`;
      await runStep(progress, step, async () => {
        await Promise.all(unhealthy.map(({ name }) => instances.startBackend(context.incus, name)));
        await waitUntilHealthy(unhealthy, 60_000, options.signal);
      });
    }
    const inventory = await writeInventory(options.cwd, members, context.paths);
    return { inventory, members, ...done };
  });
}

interface Seen {
  readonly facts: machine.MachineFacts;
  readonly objects: LabObjects;
  readonly imported: readonly string[];
}

/** Reads only. */
async function look(context: LabContext, images: LabImages): Promise<Seen> {
  const { shell, incus, paths, state } = context;
  const [tools, daemonAnswers] = await Promise.all([machine.findTools(), incus.answers()]);
  if (!daemonAnswers) await machine.expectIncusPossible();
  const objects = daemonAnswers ? await findObjects(incus) : nothing;
  const imported = objects.project ? await incus.imageAliases() : [];
  // while the daemon is stopped, only the record tells what it has
  const recorded = daemonAnswers ? undefined : (await state.read()).subnet;
  const subnet = objects.subnet ?? recorded;
  const base = {
    daemonAnswers,
    tools,
    needsBuild: needsBuild(images, paths, imported),
    kernelHasBtrfs: daemonAnswers || (await machine.kernelHasBtrfs(shell)),
    subuid: (await readIfThere("/etc/subuid")) ?? "",
    subgid: (await readIfThere("/etc/subgid")) ?? "",
    inotifyInstances: Number(await readIfThere("/proc/sys/fs/inotify/max_user_instances")),
    subnet: subnet ?? (await findFreeSubnet(shell)),
    hasNetwork: subnet !== undefined,
    hasPool: recorded !== undefined || (objects.pool && objects.profile),
  };
  const noApt = { hasApt: true, aptHasIncus: true, backports: undefined };
  const missing = machine.planMachine({ ...base, ...noApt }).packages.length > 0;
  const facts = { ...base, ...(missing ? await machine.readAptFacts(shell) : noApt) };
  return { facts, objects, imported };
}

/** Removes, creates and starts instances, all at once, then writes down their host keys. */
async function settleInstances(
  wanted: readonly instances.WantedInstance[],
  haproxy: HaproxyRelease,
  context: LabContext,
  progress: Progress,
): Promise<Pick<LabUpResult, "created" | "removed" | "started">> {
  const { incus, paths } = context;
  const existing = await incus.instances();
  const owner = instances.otherOwner(existing);
  if (owner !== undefined) {
    throw new LbctlError("busy", {
      what: `the lab on this machine belongs to another user (id ${owner}), whose key it knows`,
      hint: "Delete it first (`lbctl lab down`), or let its owner go on.",
    });
  }
  const { remove, create, start } = instances.planInstances(wanted, existing);
  const keys = new Map<string, string>();
  for (const instance of existing) {
    const key = instances.hostKeyOf(instance);
    if (key !== undefined && !remove.includes(instance.name)) keys.set(instance.name, key);
  }
  if (remove.length > 0) {
    await runStep(progress, `Delete ${remove.join(", ")}`, async () => {
      await instances.deleteInstances(incus, remove);
    });
  }
  // one that runs without a known key was left by an interrupted run
  const waiting = wanted.filter(({ member }) => start.includes(member.name) || !keys.has(member.name));
  if (waiting.length > 0) {
    await runStep(progress, `Start ${waiting.map(({ member }) => member.name).join(", ")}`, async () => {
      await Promise.all(
        waiting.map(async (want) => {
          const { name } = want.member;
          if (create.includes(name)) await instances.createInstance(incus, want, haproxy);
          else if (start.includes(name)) await instances.startInstance(incus, name);
          const key = await instances.waitUntilUp(incus, want.member);
          if (keys.get(name) !== key) await instances.rememberHostKey(incus, name, key);
          keys.set(name, key);
        }),
      );
    });
  }
  const hosts = wanted.map(({ member }) => ({ ...member, hostKey: keys.get(member.name) ?? "" }));
  const known = formatKnownHosts(hosts);
  if ((await readIfThere(paths.knownHosts)) !== known) await writeAtomically(paths.knownHosts, known);
  return { created: create, removed: remove, started: start };
}
