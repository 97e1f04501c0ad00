import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { applyHost, installPackages } from "../apply/apply.ts";
import { interruptedBefore } from "../apply/interrupted.ts";
import { makeClaim } from "../apply/lease.ts";
import { alone, type Turn } from "../apply/turn.ts";
import { takeTurns, type Turns } from "../apply/turns.ts";
import { LbctlError } from "../errors.ts";
import type { Emit, HostOutcome } from "../model/events.ts";
import type { Author } from "../model/history.ts";
import type { HostPlan } from "../model/host.ts";
import type { LeaseReason } from "../model/lease.ts";
import { isEdited } from "../plan/drift.ts";
import { runProcess } from "../remote/process.ts";
import { liveProgress } from "../report/apply.ts";
import { printProgress } from "../report/out.ts";
import { version } from "../version.ts";
import { batchesOf, type OnFailure, type Serial } from "./batches.ts";
import { inventoryPaths } from "./inventory-paths.ts";
import { isGated } from "./gated.ts";
import { eachHost } from "./hosts.ts";
import { lookAtHost, type HostLook } from "./look.ts";
import { operator } from "./operator.ts";
import type { FleetOptions } from "./options.ts";
import type { Project } from "./project.ts";
import { notBegun, type Tally } from "./tally.ts";

/** What one host needs to be changed, once it is its turn: `emit` is told each step. Throws nothing but bugs. */
export type ChangeHost<Look> = (look: Look, author: Author, emit: Emit, turn: Turn) => Promise<HostOutcome>;

/** How a run goes over several hosts. */
export interface RunOptions extends FleetOptions {
  /** Seconds to wait for whoever has the lease of a host. */
  readonly lockWait?: number;
  readonly serial?: Serial;
  readonly onFailure?: OnFailure;
}

/** What a run does to a host, and how it is undone. */
interface Work<Look> {
  readonly reason: LeaseReason;
  readonly changeHost: ChangeHost<Look>;
  readonly putBack?: ChangeHost<Look>;
}

/**
 * Changes hosts batch by batch, `forks` at a time: none before the leases of all that are to change are held. The tally is
 * told of each as it happens.
 */
export async function changeHosts<Look extends Changing>(
  looks: readonly Look[],
  { reason, changeHost, putBack }: Work<Look>,
  tally: Tally,
  options: RunOptions,
  signal: AbortSignal,
): Promise<void> {
  const { forks, onFailure, lockWait = 0, quiet } = options;
  const say = (line: string): void => {
    if (!quiet) printProgress([line]);
  };
  const progress = liveProgress(say);
  const emit: Emit = (event) => {
    tally.take(event);
    progress.take(event);
  };
  const changing = looks.filter(({ plan }) => plan.changes);
  for (const { plan } of looks)
    if (!plan.changes) tally.end({ host: plan.host, outcome: "unchanged", error: null });
  const author = await makeAuthor(changing.length > 0, options);
  const hosts = changing.map(({ plan }) => plan.host);
  const turns = takeTurns(hosts, makeClaim(author.by, reason), lockWait * 1000);
  const works = await comeToTheirTurns(changing, forks, turns, (look, turn) =>
    changeHost(look, author, emit, turn),
  );
  if (await turns.allHeld) await runBatches(hosts, works, turns, tally, options, signal);
  else {
    await letAllGo(works, tally);
    if (hosts.length > 1) say("No configuration was changed: all hosts, or none.");
  }
  if (putBack && onFailure === "rollback-all" && tally.failed !== null) {
    const { putBackAll } = await import("./put-back.ts");
    const turn = (): Turn => alone(makeClaim(author.by, "rollback"), lockWait * 1000);
    const back = (look: Look): Promise<HostOutcome> =>
      putBack(look, author, emit, turn()).catch(unexpected(look.plan.host));
    await putBackAll(changing, back, tally, { forks, failed: tally.failed, signal, say });
  }
  progress.stop();
}

interface Changing {
  readonly plan: Pick<HostPlan, "host" | "changes">;
}

type Works = ReadonlyMap<string, Promise<HostOutcome>>;

/** Begins on every host with what comes before its lease. */
async function comeToTheirTurns<Look extends Changing>(
  looks: readonly Look[],
  forks: number,
  turns: Turns,
  change: (look: Look, turn: Turn) => Promise<HostOutcome>,
): Promise<Works> {
  const works = new Map<string, Promise<HostOutcome>>();
  await eachHost(looks, forks, async (look) => {
    const { host } = look.plan;
    const work = change(look, turns.of(host)).catch(unexpected(host)).finally(turns.ended);
    works.set(host, work);
    await Promise.race([work, turns.arrived(host)]);
  });
  return works;
}

async function runBatches(
  hosts: readonly string[],
  works: Works,
  turns: Turns,
  tally: Tally,
  { forks, serial, onFailure = "stop" }: RunOptions,
  signal: AbortSignal,
): Promise<void> {
  for (const batch of batchesOf(hosts, serial)) {
    await eachHost(batch, forks, async (host) => {
      const failed = onFailure === "continue" ? null : tally.failed;
      const begins = !signal.aborted && failed === null;
      if (begins) tally.begin(host);
      turns.decide(host, begins);
      const outcome = await works.get(host);
      const ended = outcome && (begins || outcome.error?.code !== "interrupted") && !isLetGo(outcome);
      tally.end(ended ? outcome : notBegun(host, signal.aborted ? null : failed));
    });
  }
}

/** Where one lease was not to be had, the others were let go. */
async function letAllGo(works: Works, tally: Tally): Promise<void> {
  const outcomes = await Promise.all(works.values());
  for (const outcome of outcomes) if (!isLetGo(outcome)) tally.end(outcome);
  for (const outcome of outcomes) if (isLetGo(outcome)) tally.end(notBegun(outcome.host, tally.failed));
}

/** It came to its turn, and was not to begin. */
function isLetGo({ outcome, error }: HostOutcome): boolean {
  return outcome === "skipped" && error === null;
}

/** A bug on the way to one host must not keep from being told how the others ended. */
function unexpected(host: string): (error: unknown) => HostOutcome {
  return (cause) => {
    const what = `unexpected: ${cause instanceof Error ? cause.message : String(cause)}`;
    const hint = "`lbctl plan` shows what is there. Please report this.";
    return { host, outcome: "failed", error: new LbctlError("bug", { what, at: host, hint }, { cause }) };
  };
}

/** One host: install what is missing, look again at what that brought, then the transaction. */
export async function applyOne(
  project: Project,
  look: HostLook,
  author: Author,
  emit: Emit,
  signal: AbortSignal,
  turn: Turn,
  confirmSeconds?: number,
): Promise<HostOutcome> {
  try {
    let current = look;
    if (look.plan.install.length > 0) {
      await installPackages(look.remote, look.plan.install, emit);
      if (signal.aborted) return interruptedBefore(look.plan.host);
      current = await lookAtHost(project, look.renderInput.host, look.remote, signal);
    }
    const { plan, desired, observed, expectations, remote, renderInput } = current;
    const input = {
      role: project.role,
      plan,
      desired,
      observed,
      expectations,
      author,
      isGated: isGated(project.role, renderInput.host),
      isEdited: isEdited(observed),
      ...(confirmSeconds ? { confirmSeconds } : {}),
    };
    const outcome = await applyHost(remote, input, emit, signal, turn);
    if (outcome.error === null) return current === look ? outcome : { ...outcome, outcome: "changed" };
    const { explainRejection } = await import("./explain.ts");
    return { ...outcome, error: explainRejection(outcome.error, desired, renderInput) };
  } catch (error) {
    if (!(error instanceof LbctlError)) throw error;
    return { host: look.plan.host, outcome: "failed", error };
  }
}

/**
 * Who applies what, and the revision of the inventory, with `+` when something of it is not committed. git is asked only
 * when something changes, and in a container there may be none.
 */
async function makeAuthor(changing: boolean, options: FleetOptions): Promise<Author> {
  const revision = ["describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"];
  const [inventory = "."] = changing ? await inventoryPaths(options).catch(() => []) : [];
  const isFolder = await stat(inventory)
    .then((found) => found.isDirectory())
    .catch(() => false);
  const folder = isFolder ? inventory : dirname(inventory);
  const git = changing ? await runProcess("git", ["-C", folder, ...revision], { timeoutMs: 2000 }) : null;
  return {
    by: operator(),
    at: new Date().toISOString(),
    lbctl: version,
    git: git?.exitCode === 0 ? git.stdout.trim() : (process.env.GITHUB_SHA ?? null),
  };
}
