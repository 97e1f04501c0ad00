import { applyHost } from "../apply/apply.ts";
import { LbctlError } from "../errors.ts";
import type { Emit, HostOutcome } from "../model/events.ts";
import type { Host } from "../model/fleet.ts";
import type { Author } from "../model/history.ts";
import type { HostPlan, ObservedHost } from "../model/host.ts";
import { readGeneration } from "../observe/generation.ts";
import { readHistory } from "../observe/history.ts";
import { notRoot, observe } from "../observe/observe.ts";
import { planRollback, type RollbackPlan } from "../plan/rollback.ts";
import type { Remote } from "../remote/port.ts";
import { byPlans, makeChange, type Change, type ChangeOptions } from "./change.ts";
import { inWords } from "./in-words.ts";
import { connectionsTo } from "./connections.ts";
import { seeHosts } from "./look.ts";
import type { Context } from "./options.ts";
import { showPlans } from "./plan.ts";
import { loadProject, type Project } from "./project.ts";

export interface RollbackOptions extends ChangeOptions {
  readonly to?: number;
  readonly withCerts?: boolean;
  readonly check?: boolean;
}

/** What going back would do on one host. */
interface RollbackLook {
  readonly remote: Remote;
  readonly observed: ObservedHost;
  readonly plan: HostPlan;
  readonly rollback: RollbackPlan;
  readonly generation: number;
}

/** `lbctl rollback`: shows what going back would change, asks, and does it as an apply would. */
export async function rollbackCommand(options: RollbackOptions, { signal }: Context): Promise<number> {
  const project = await loadProject(options);
  const connections = await connectionsTo(project.hosts, options);
  try {
    const sights = await seeHosts(project.hosts, options.forks, (host) =>
      lookAtRollback(project, connections.to(host), host, options, signal),
    );
    if (options.check) {
      return showPlans(
        sights.map(({ host, look, error }) => ({ host, plan: look?.plan ?? null, error })),
        options,
      );
    }
    const change: Change<RollbackLook> = {
      ...byPlans<RollbackLook>("rollback", project.role, options),
      question: (hosts) => `Go back like this on ${hosts}?`,
      changeHost: (look, author, emit) => rollBackOne(project, look, author, emit, signal),
    };
    return await makeChange(sights, change, options, signal);
  } finally {
    await connections.close();
  }
}

async function lookAtRollback(
  { role }: Project,
  remote: Remote,
  { name }: Host,
  options: RollbackOptions,
  signal: AbortSignal,
): Promise<RollbackLook> {
  const observed = await observe(remote, role, [], signal);
  if (observed.uid !== 0) throw new LbctlError("rejected", notRoot(name, observed.uid));
  const generation = options.to ?? (await readHistory(remote, role, signal)).previous;
  if (observed.generation === null) throw nowhere(name, "lbctl manages no configuration here yet");
  if (generation === null) throw nowhere(name, "there is no generation before the current one");
  if (generation === observed.generation) {
    throw nowhere(name, `generation ${String(generation)} is the current one`);
  }
  const target = await readGeneration(remote, role, generation, signal);
  const withCerts = options.withCerts === true;
  const rollback = planRollback(target, observed, { links: role.links, withCerts });
  if (rollback.plan.install.length > 0) {
    throw nowhere(name, `the host has no package ${rollback.plan.install.join(", ")}`);
  }
  return { remote, observed, plan: rollback.plan, rollback, generation };
}

function nowhere(at: string, what: string): LbctlError {
  return new LbctlError("rejected", {
    what,
    at,
    hint: "`lbctl history` shows what there is; --to names a generation. Nothing was touched.",
  });
}

async function rollBackOne(
  { role }: Project,
  { remote, observed, plan, rollback, generation }: RollbackLook,
  author: Author,
  emit: Emit,
  signal: AbortSignal,
): Promise<HostOutcome> {
  const { identity, files, stays } = rollback;
  const desired = { identity, files, from: { generation, stays } };
  const outcome = await applyHost(remote, { role, plan, desired, observed, author }, emit, signal);
  return outcome.error === null ? outcome : { ...outcome, error: inWords(outcome.error, files) };
}
