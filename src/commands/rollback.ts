import { applyHost } from "../apply/apply.ts";
import type { Turn } from "../apply/turn.ts";
import { LbctlError } from "../errors.ts";
import type { Emit, HostOutcome } from "../model/events.ts";
import type { Author, Manifest } from "../model/history.ts";
import type { HostPlan, ObservedHost } from "../model/host.ts";
import { readGeneration } from "../observe/generation.ts";
import { readHistory } from "../observe/history.ts";
import { notRoot, observe } from "../observe/observe.ts";
import { isEdited } from "../plan/drift.ts";
import { planRollback, type RollbackPlan } from "../plan/rollback.ts";
import type { Reachable } from "../remote/port.ts";
import { byPlans, makeChange, type Change, type ChangeOptions } from "./change.ts";
import { isGated } from "./gated.ts";
import { inWords } from "./in-words.ts";
import { connectionsTo } from "./connections.ts";
import { seeHosts } from "./look.ts";
import type { Context } from "./options.ts";
import { showPlans } from "./plan.ts";
import { loadProject, type Project } from "./project.ts";
import { waitForOthers } from "./wait-for-others.ts";

export interface RollbackOptions extends ChangeOptions {
  readonly to?: number;
  readonly withCerts?: boolean;
  readonly check?: boolean;
}

/** Which set a host goes back to; without `to`, that of the generation before the current one. */
interface Target {
  readonly to?: number | undefined;
  readonly withCerts?: boolean;
  readonly withLists?: boolean;
}

/** What going back would do on one host. */
interface RollbackLook {
  readonly remote: Reachable;
  readonly observed: ObservedHost;
  readonly plan: HostPlan;
  readonly rollback: RollbackPlan;
  readonly generation: number;
  /** Manifest of the current generation; null when it has none. */
  readonly current: Manifest | null;
  /** Certificates that others put there meanwhile come along. */
  readonly carries: boolean;
}

/** `lbctl rollback`: shows what going back would change, asks, and does it as an apply would. */
export async function rollbackCommand(given: RollbackOptions, context: Context): Promise<number> {
  const { signal } = context;
  const project = await loadProject(given);
  const connections = await connectionsTo(project.hosts, given);
  try {
    const options = given.check ? given : await waitForOthers(project, connections, given, signal);
    const sights = await seeHosts(project.hosts, options.forks, (host) =>
      lookAtRollback(project, connections.to(host), options, signal),
    );
    if (options.check) {
      return showPlans(
        sights.map(({ host, look, error }) => ({ host, plan: look?.plan ?? null, error })),
        options,
      );
    }
    const change: Change<RollbackLook> = {
      ...byPlans<RollbackLook>("rollback", project.role, options, context),
      question: (hosts) => `Go back like this on ${hosts}?`,
      changeHost: (look, author, emit, turn) =>
        rollBackOne(project, look, author, emit, signal, turn, options.confirmTimeout),
      putBack: async (look, author, emit, turn) => {
        const { putBack } = await import("./put-back.ts");
        return putBack(project, look, author, emit, signal, turn);
      },
      // without a number, a second rollback goes back to where the first one came from
      resumes: options.to !== undefined,
    };
    return await makeChange(sights, change, options, context);
  } finally {
    await connections.close();
  }
}

/** Reads both sides of going back. Throws LbctlError `rejected` when there is nothing, or no way, to go back to. */
export async function lookAtRollback(
  { role }: Project,
  remote: Reachable,
  { to, withCerts = false, withLists = false }: Target,
  signal: AbortSignal,
): Promise<RollbackLook> {
  const name = remote.host;
  const observed = await observe(remote, role, [], signal);
  if (observed.uid !== 0) throw new LbctlError("rejected", notRoot(name, observed.uid));
  const generation = to ?? (await readHistory(remote, role, signal)).previous;
  if (observed.generation === null) throw nowhere(name, "lbctl manages no configuration here yet");
  if (generation === null) throw nowhere(name, "there is no generation before the current one");
  if (generation === observed.generation) {
    throw nowhere(name, `generation ${String(generation)} is the current one`);
  }
  const target = await readGeneration(remote, role, generation, signal);
  const rollback = planRollback(target, observed, { links: role.links, withCerts, withLists });
  if (rollback.plan.install.length > 0) {
    throw nowhere(name, `the host has no package ${rollback.plan.install.join(", ")}`);
  }
  const carries = withLists || !withCerts;
  return { remote, observed, plan: rollback.plan, rollback, generation, current: target.current, carries };
}

function nowhere(at: string, what: string): LbctlError {
  return new LbctlError("rejected", {
    what,
    at,
    hint: "`lbctl history` shows what there is; --to names a generation. Nothing was touched.",
  });
}

/** The transaction of an apply, with a generation's set. */
export async function rollBackOne(
  { role, hosts }: Project,
  { remote, observed, plan, rollback, generation, carries }: RollbackLook,
  author: Author,
  emit: Emit,
  signal: AbortSignal,
  turn: Turn,
  confirmSeconds?: number,
): Promise<HostOutcome> {
  const { identity, files, stays } = rollback;
  const desired = { identity, files, from: { generation, stays, carries } };
  const host = hosts.find(({ name }) => name === plan.host);
  const gate = { isGated: host === undefined || isGated(role, host), isEdited: isEdited(observed) };
  const input = {
    role,
    plan,
    desired,
    observed,
    author,
    ...gate,
    ...(confirmSeconds ? { confirmSeconds } : {}),
  };
  const outcome = await applyHost(remote, input, emit, signal, turn);
  return outcome.error === null ? outcome : { ...outcome, error: inWords(outcome.error, files) };
}
