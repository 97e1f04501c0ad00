import { applyOne } from "./apply-hosts.ts";
import { byPlans, makeChange, type Change, type ChangeOptions } from "./change.ts";
import { connectionsTo } from "./connections.ts";
import { lookAtHosts, type HostLook } from "./look.ts";
import type { Context } from "./options.ts";
import { planCommand } from "./plan.ts";
import { loadProject } from "./project.ts";
import { waitForOthers } from "./wait-for-others.ts";

export interface ApplyOptions extends ChangeOptions {
  readonly check?: boolean;
}

/** `lbctl apply`: shows the plan, asks, makes it so on every host, and says how each ended. */
export async function applyCommand(given: ApplyOptions, context: Context): Promise<number> {
  if (given.check) return planCommand(given, context);
  const { signal } = context;
  const project = await loadProject(given);
  const connections = await connectionsTo(project.hosts, given);
  try {
    const options = await waitForOthers(project, connections, given, signal);
    const sights = await lookAtHosts(project, connections, options.forks, signal);
    const change: Change<HostLook> = {
      ...byPlans<HostLook>("apply", project.role, options, context),
      question: (hosts) => `Apply this to ${hosts}?`,
      changeHost: (look, author, emit, turn) =>
        applyOne(project, look, author, emit, signal, turn, options.confirmTimeout),
      putBack: async (look, author, emit, turn) => {
        const { putBack } = await import("./put-back.ts");
        return putBack(project, look, author, emit, signal, turn);
      },
      resumes: true,
    };
    return await makeChange(sights, change, options, context);
  } finally {
    await connections.close();
  }
}
