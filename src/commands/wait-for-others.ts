import type { HostLease } from "../model/lease.ts";
import { describeUndecided } from "../model/undecided.ts";
import { readLease } from "../observe/lease.ts";
import type { Connections } from "../remote/connect.ts";
import { printProgress } from "../report/out.ts";
import type { RunOptions } from "./apply-hosts.ts";
import { seeHosts } from "./look.ts";
import type { Project } from "./project.ts";
import { waitUntil } from "./wait.ts";

/**
 * With `--lock-wait`, before anything is planned: waits while somebody changes these hosts, or has left a change
 * undecided, so that the plan is of what they leave. Returns the options with what is left of the wait. A host that cannot
 * be asked is not waited for. Throws LbctlError `interrupted`.
 */
export async function waitForOthers<Options extends RunOptions>(
  { hosts, role }: Project,
  connections: Connections,
  options: Options,
  signal: AbortSignal,
): Promise<Options> {
  if (options.lockWait === undefined) return options;
  const deadline = performance.now() + options.lockWait * 1000;
  let told = "";
  await waitUntil(
    async () => {
      const sights = await seeHosts(hosts, options.forks, (host) =>
        readLease(connections.to(host), role, signal),
      );
      return sights.flatMap(({ look }) => (look === null ? [] : (othersOn(look) ?? [])));
    },
    (others) => others.length === 0,
    {
      timeoutMs: options.lockWait * 1000,
      signal,
      onWait: ([first]) => {
        if (first === undefined || first.host === told || options.quiet) return;
        told = first.host;
        printProgress([`${first.host}: waiting: ${first.why}`]);
      },
    },
  );
  return { ...options, lockWait: Math.max(0, deadline - performance.now()) / 1000 };
}

/** Why a host is to be waited for. A lease that is stale may be taken, and a change that is overdue reverted. */
function othersOn({ host, state, lease, undecided }: HostLease): { host: string; why: string } | null {
  if (state === "held" && lease)
    return { host, why: `${lease.owner} has its lease, for ${inWords(lease.reason)}` };
  if (undecided && (undecided.reverting || undecided.leftSeconds > 0))
    return { host, why: describeUndecided(undecided) };
  return null;
}

const inWords = (reason: string): string => `${/^[aeiou]/.test(reason) ? "an" : "a"} ${reason}`;
