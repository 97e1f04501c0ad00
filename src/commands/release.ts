import { releaseHost } from "../apply/release.ts";
import { LbctlError } from "../errors.ts";
import type { Role } from "../model/role.ts";
import { notRoot, observe } from "../observe/observe.ts";
import { planRelease, type ReleasePlan } from "../plan/release.ts";
import type { ObservedHost } from "../model/host.ts";
import type { Remote } from "../remote/port.ts";
import { releaseLines } from "../report/release.ts";
import { makeChange, type Change } from "./change.ts";
import { connectionsTo } from "./connections.ts";
import { inWords } from "./in-words.ts";
import { seeHosts } from "./look.ts";
import type { RunOptions } from "./apply-hosts.ts";
import type { Context } from "./options.ts";
import { loadProject } from "./project.ts";
import { waitForOthers } from "./wait-for-others.ts";

export interface ReleaseOptions extends RunOptions {
  readonly yes?: boolean;
  readonly purge?: boolean;
}

/** What letting go of one host would do. */
interface ReleaseLook {
  readonly remote: Remote;
  readonly observed: ObservedHost;
  readonly plan: ReleasePlan;
}

/** `lbctl release HOST`: lbctl lets go of a host, whose files become plain ones again. */
export async function releaseCommand(host: string, given: ReleaseOptions, context: Context): Promise<number> {
  const { signal } = context;
  const limit = given.limit === undefined ? host : `${host}:&${given.limit}`;
  const project = await loadProject({ ...given, limit });
  const { hosts, role } = project;
  const connections = await connectionsTo(hosts, given);
  const purge = given.purge === true;
  try {
    const options = await waitForOthers(project, connections, given, signal);
    const sights = await seeHosts(hosts, options.forks, (one) =>
      lookAtRelease(connections.to(one), role, purge, signal),
    );
    const change: Change<ReleaseLook> = {
      reason: "release",
      question: (names) => `Let go of ${names}?`,
      lines: (looks) => releaseLines(looks.map(({ plan }) => plan)),
      refuse: () => undefined,
      changeHost: async ({ remote, observed }, author, emit, turn) => {
        const outcome = await releaseHost(remote, { role, observed, author, purge }, emit, signal, turn);
        return outcome.error === null
          ? outcome
          : { ...outcome, error: inWords(outcome.error, observed.files) };
      },
      resumes: true,
      summary: () => [],
    };
    return await makeChange(sights, change, options, context);
  } finally {
    await connections.close();
  }
}

async function lookAtRelease(
  remote: Remote,
  role: Role,
  purge: boolean,
  signal: AbortSignal,
): Promise<ReleaseLook> {
  const observed = await observe(remote, role, [], signal);
  if (observed.uid !== 0) throw new LbctlError("rejected", notRoot(remote.host, observed.uid));
  return { remote, observed, plan: planRelease(observed, role, purge) };
}
