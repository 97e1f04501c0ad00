import { hostname } from "node:os";
import { applyHost, installPackages } from "../apply/apply.ts";
import { LbctlError } from "../errors.ts";
import type { Emit, HostOutcome } from "../model/events.ts";
import type { Author } from "../model/history.ts";
import type { HostPlan } from "../model/host.ts";
import { runProcess } from "../remote/process.ts";
import { liveProgress } from "../report/apply.ts";
import { printProgress } from "../report/out.ts";
import { userName } from "../user-name.ts";
import { version } from "../version.ts";
import { eachHost } from "./hosts.ts";
import { lookAtHost, type HostLook } from "./look.ts";
import type { FleetOptions } from "./options.ts";
import type { Project } from "./project.ts";

/** What one host needs to be changed: `emit` is told each step. */
export type ChangeHost<Look> = (look: Look, author: Author, emit: Emit) => Promise<HostOutcome>;

/** All hosts, `forks` at a time; after a failure, or when interrupted, no further host is begun. */
export async function changeHosts<Look extends { readonly plan: Pick<HostPlan, "host" | "changes"> }>(
  looks: readonly Look[],
  change: ChangeHost<Look>,
  options: FleetOptions,
  signal: AbortSignal,
): Promise<HostOutcome[]> {
  const progress = liveProgress((line) => {
    if (!options.quiet) printProgress([line]);
  });
  const changing = looks.some(({ plan }) => plan.changes);
  const author = await makeAuthor(changing);
  let failed = false;
  const outcomes = await eachHost(looks, options.forks, async (look): Promise<HostOutcome> => {
    if (look.plan.changes && (failed || signal.aborted)) return skipped(look.plan.host, signal);
    const outcome = await change(look, author, progress.take);
    if (outcome.error !== null) failed = true;
    return outcome;
  });
  progress.stop();
  return outcomes;
}

function skipped(host: string, signal: AbortSignal): HostOutcome {
  const interrupted = new LbctlError("interrupted", { what: "interrupted before the change", at: host });
  return { host, outcome: "skipped", error: signal.aborted ? interrupted : null };
}

/** One host: install what is missing, look again at what that brought, then the transaction. */
export async function applyOne(
  project: Project,
  look: HostLook,
  author: Author,
  emit: Emit,
  signal: AbortSignal,
): Promise<HostOutcome> {
  try {
    let current = look;
    if (look.plan.install.length > 0) {
      await installPackages(look.remote, look.plan.install, emit);
      current = await lookAtHost(project, look.renderInput.host, look.remote, signal);
    }
    const { plan, desired, observed, expectations, remote, renderInput } = current;
    const input = { role: project.role, plan, desired, observed, expectations, author };
    const outcome = await applyHost(remote, input, emit, signal);
    if (outcome.error === null) return current === look ? outcome : { ...outcome, outcome: "changed" };
    const { explainRejection } = await import("./explain.ts");
    return { ...outcome, error: explainRejection(outcome.error, desired, renderInput) };
  } catch (error) {
    if (!(error instanceof LbctlError)) throw error;
    return { host: look.plan.host, outcome: "failed", error };
  }
}

/** Who applies what, from where; git is asked only when something changes, and in a container there may be none. */
async function makeAuthor(changing: boolean): Promise<Author> {
  const git = changing ? await runProcess("git", ["rev-parse", "HEAD"], { timeoutMs: 2000 }) : null;
  return {
    by: `${userName() ?? `uid ${String(process.getuid?.())}`}@${hostname()}`,
    at: new Date().toISOString(),
    lbctl: version,
    git: git?.exitCode === 0 ? git.stdout.trim() : (process.env.GITHUB_SHA ?? null),
  };
}
