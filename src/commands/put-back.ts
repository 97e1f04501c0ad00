import { interruptedBefore } from "../apply/interrupted.ts";
import type { Turn } from "../apply/turn.ts";
import { LbctlError } from "../errors.ts";
import type { Emit, HostOutcome } from "../model/events.ts";
import type { Author } from "../model/history.ts";
import type { HostPlan, ObservedHost } from "../model/host.ts";
import { isEdited } from "../plan/drift.ts";
import type { Reachable } from "../remote/port.ts";
import { eachHost } from "./hosts.ts";
import type { Project } from "./project.ts";
import { lookAtRollback, rollBackOne } from "./rollback.ts";
import type { Tally } from "./tally.ts";

/** A host that this run has changed, as it was before. */
interface Changed {
  readonly remote: Reachable;
  readonly observed: ObservedHost;
}

/**
 * Takes a host that this run has changed back to the generation that it had before, the way a rollback does, but with
 * the lists and certificates of then: they were today's a moment ago. Certificates that others put there since stay.
 */
export async function putBack(
  project: Project,
  { remote, observed }: Changed,
  author: Author,
  emit: Emit,
  signal: AbortSignal,
  turn: Turn,
): Promise<HostOutcome> {
  const { host } = remote;
  try {
    // of a first change, and of one that overwrote edits: what it kept
    const to =
      observed.written === null || isEdited(observed) ? undefined : (observed.generation ?? undefined);
    const target = { to, withCerts: true, withLists: true };
    const look = await lookAtRollback(project, remote, target, signal);
    if (look.current?.by !== author.by || look.current.at !== author.at) {
      throw new LbctlError("busy", { what: "somebody else has changed it since", at: host });
    }
    return await rollBackOne(project, look, { ...author, at: new Date().toISOString() }, emit, signal, turn);
  } catch (error) {
    if (!(error instanceof LbctlError)) throw error;
    return error.code === "interrupted" ? interruptedBefore(host) : { host, outcome: "failed", error };
  }
}

interface Cause {
  readonly forks: number;
  /** The host whose failure ended the run. */
  readonly failed: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Puts back every host that the run has changed, all at once; a signal leaves those as they are that are not begun. */
export async function putBackAll<Look extends { readonly plan: Pick<HostPlan, "host"> }>(
  looks: readonly Look[],
  back: (look: Look) => Promise<HostOutcome>,
  tally: Tally,
  { forks, failed, signal, say }: Cause,
): Promise<void> {
  const changed = looks.filter(({ plan }) => tally.outcomeOf(plan.host)?.outcome === "changed");
  if (changed.length > 0 && !signal.aborted)
    say(`${failed} failed: putting back ${changed.map(({ plan }) => plan.host).join(", ")}`);
  await eachHost(changed, forks, async (look) => {
    const { host } = look.plan;
    tally.begin(host);
    tally.end(afterPutBack(signal.aborted ? interruptedBefore(host) : await back(look), failed));
  });
}

/** In the words of the run: the host was changed before. */
function afterPutBack({ host, outcome, error }: HostOutcome, failed: string): HostOutcome {
  if (error === null) {
    const what = `changed, and put back: ${failed} failed`;
    const hint = "It serves what it served before this run.";
    return {
      host,
      outcome: "rolled-back",
      error: new LbctlError("rolled-back", { what, at: host, hint }),
      why: what,
    };
  }
  const problems = error.problems.map((problem) => ({
    ...problem,
    what: `changed, and not put back after ${failed} failed: ${outcome === "skipped" ? "interrupted" : problem.what}`,
    hint: "`lbctl plan` and `lbctl history` show what is there.",
  }));
  // a rollback that was refused, or did not hold, leaves the change
  const stands = outcome !== "failed" || error.code === "rejected" || error.code === "busy";
  return {
    host,
    outcome: stands ? "changed" : "failed",
    error: new LbctlError(error.code, problems, { cause: error }),
    why: "not put back",
  };
}
