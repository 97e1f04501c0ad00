import { hostname, userInfo } from "node:os";
import { applyHost, installPackages } from "../apply/apply.ts";
import { exitCodes, LbctlError } from "../errors.ts";
import type { Emit, HostOutcome } from "../model/events.ts";
import { openConnections } from "../remote/connect.ts";
import { runProcess } from "../remote/process.ts";
import { applyDocument, liveProgress, outcomeErrorLines, recapLines } from "../report/apply.ts";
import { printJson, printLines, printProgress } from "../report/out.ts";
import { planDocument, planLines } from "../report/plan.ts";
import { version } from "../version.ts";
import { confirm } from "./confirm.ts";
import { explainRejection } from "./explain.ts";
import { eachHost } from "./hosts.ts";
import { lookAtHost, lookAtHosts, worst, type HostLook } from "./look.ts";
import type { Context, FleetOptions } from "./options.ts";
import { loadProject, type Project } from "./project.ts";

export interface ApplyOptions extends FleetOptions {
  readonly yes?: boolean;
  readonly check?: boolean;
  readonly adopt?: boolean;
}

/** `lbctl apply`: shows the plan, asks, makes it so on every host, and says how each ended. */
export async function applyCommand(options: ApplyOptions, context: Context): Promise<number> {
  const project = await loadProject(options);
  const connections = openConnections(options.transport);
  try {
    const looks = await lookAtHosts(project, connections, options.forks, context.signal);
    return await showAndApply(project, looks, options, context);
  } finally {
    await connections.close();
  }
}

async function showAndApply(
  project: Project,
  looks: readonly HostLook[],
  options: ApplyOptions,
  context: Context,
): Promise<number> {
  const plans = looks.map((look) => look.plan);
  if (options.check) {
    if (options.json) printJson(planDocument(plans));
    else printLines(planLines(plans));
    return 0;
  }
  if (!options.json) printLines(planLines(plans));
  if (plans.some((plan) => plan.changes)) {
    refuseUnadopted(looks, options);
    await confirm(
      `Apply this to ${plans
        .filter((plan) => plan.changes)
        .map((plan) => plan.host)
        .join(", ")}?`,
      options,
    );
  }
  const outcomes = await applyAll(project, looks, options, context.signal);
  if (options.json) printJson(applyDocument(outcomes));
  else printLines(recapLines(outcomes));
  printProgress(outcomeErrorLines(outcomes));
  const failures = outcomes.flatMap(({ error }) => error ?? []);
  return failures.length === 0 ? 0 : exitCodes[worst(failures)];
}

/** All hosts, `forks` at a time; after a failure no further host is begun. */
async function applyAll(
  project: Project,
  looks: readonly HostLook[],
  options: ApplyOptions,
  signal: AbortSignal,
): Promise<HostOutcome[]> {
  const progress = liveProgress((line) => {
    if (!options.quiet) printProgress([line]);
  });
  const changing = looks.some((look) => look.plan.changes);
  const manifest = {
    format: 1 as const,
    by: `${userInfo().username}@${hostname()}`,
    at: new Date().toISOString(),
    lbctl: version,
    git: changing ? await gitRevision() : null,
  };
  let failed = false;
  const outcomes = await eachHost(looks, options.forks, async (look): Promise<HostOutcome> => {
    if (look.plan.changes && (failed || signal.aborted)) {
      return { host: look.plan.host, outcome: "skipped", error: null };
    }
    const outcome = await applyOne(project, look, manifest, progress.take, signal);
    if (outcome.error !== null) failed = true;
    return outcome;
  });
  progress.stop();
  return outcomes;
}

/** One host: install what is missing, look again at what that brought, then the transaction. */
async function applyOne(
  project: Project,
  look: HostLook,
  manifest: Parameters<typeof applyHost>[1]["manifest"],
  emit: Emit,
  signal: AbortSignal,
): Promise<HostOutcome> {
  const host = look.plan.host;
  let current = look;
  try {
    if (look.plan.install.length > 0) {
      await installPackages(look.remote, look.plan.install, emit);
      current = await lookAtHost(project, look.renderInput.host, look.remote, signal);
    }
  } catch (error) {
    if (!(error instanceof LbctlError)) throw error;
    return { host, outcome: "failed", error };
  }
  const { plan, desired, observed, remote, renderInput } = current;
  const outcome = await applyHost(
    remote,
    { role: project.role, plan, desired, observed, manifest },
    emit,
    signal,
  );
  return outcome.error === null
    ? outcome
    : { ...outcome, error: explainRejection(outcome.error, desired, renderInput) };
}

function refuseUnadopted(looks: readonly HostLook[], options: ApplyOptions): void {
  const own = looks.filter((look) => look.plan.adopts && look.plan.changes);
  if (own.length === 0 || options.adopt) return;
  throw new LbctlError(
    "invalid",
    own.map((look) => ({
      what: `${liveFolder(look)} is a configuration of your own, not lbctl's`,
      at: look.plan.host,
      hint: "Read the diff, then run it again with --adopt: your files are kept as generation 0. Nothing was touched.",
    })),
  );
}

function liveFolder(look: HostLook): string {
  return look.renderInput.role.live;
}

async function gitRevision(): Promise<string | null> {
  const result = await runProcess("git", ["rev-parse", "HEAD"], { timeoutMs: 2000 });
  return result.exitCode === 0 ? result.stdout.trim() : null;
}
