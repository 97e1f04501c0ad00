import { LbctlError } from "../errors.ts";
import { askRuntime } from "../haproxy/runtime.ts";
import { parseInfo } from "../haproxy/info.ts";
import { parseStat, type ServerStat } from "../haproxy/stat.ts";
import type { Remote } from "../remote/port.ts";
import type { FailoverScenario } from "./scenario.ts";

/** A pool as one load balancer sees it. */
export interface SteadyState {
  readonly host: string;
  /** Process id of HAProxy's worker; null when HAProxy did not answer. */
  readonly pid: number | null;
  readonly servers: readonly ServerStat[];
  /** Why this is no steady state; null when every server of the pool is UP, by a check of its own. */
  readonly problem: string | null;
  /** Every server is UP, but for some no check has said so yet: a moment later it may be known. */
  readonly settling: boolean;
}

/** Asks one load balancer. Throws LbctlError `unreachable` when the host cannot be reached. */
export async function observeSteadyState(
  remote: Remote,
  scenario: FailoverScenario,
  signal?: AbortSignal,
): Promise<SteadyState> {
  const { pool, socket } = scenario;
  const [info, stat] = await askRuntime(remote, ["show info", `show stat ${pool} 6 -1`], {
    socket,
    idleTimeoutMs: 30_000,
    ...(signal ? { signal } : {}),
  });
  const empty = { host: remote.host, pid: null, servers: [], settling: false };
  if (!info?.ok) return { ...empty, problem: `HAProxy does not answer: ${info?.why ?? "nothing came back"}` };
  if (!stat?.ok) return { ...empty, problem: `HAProxy has no ${pool}: ${stat?.why ?? "nothing came back"}` };
  const { servers } = parseStat(stat.text);
  const problem = poolProblem(pool, servers);
  const settling = problem !== null && servers.length > 0 && servers.every(({ up }) => up);
  return { host: remote.host, pid: parseInfo(info.text).pid, servers, problem, settling };
}

/** Why a pool is not whole. A server that HAProxy has just begun to check is UP without proof. */
export function poolProblem(pool: string, servers: readonly ServerStat[]): string | null {
  if (servers.length === 0) return `${pool} has no servers`;
  const bad = servers.filter((server) => !isProven(server));
  if (bad.length === 0) return null;
  const said = bad.map(
    ({ name, status, check, up }) => `${name} (${status}${up ? `, check ${check.status}` : ""})`,
  );
  return `not UP in ${pool}: ${said.join(", ")}`;
}

function isProven({ status, up, check }: ServerStat): boolean {
  return up && (status === "no check" || (status === "UP" && /^L\dOK/.test(check.status)));
}

/**
 * Throws LbctlError `rejected` when killing the victim would leave its pool without a server on some
 * load balancer, or when a load balancer does not know the victim. Nothing has been touched then.
 */
export function refuseUnsafeFault(scenario: FailoverScenario, states: readonly SteadyState[]): void {
  const { pool, server } = scenario;
  for (const { host, pid, servers } of states) {
    if (pid === null || servers.length === 0) continue;
    if (!servers.some(({ name }) => name === server))
      throw new LbctlError("rejected", {
        what: `HAProxy has no server named ${server} in ${pool}; nothing was touched`,
        at: host,
        hint: `Its servers are ${servers.map(({ name }) => name).join(", ")}. Apply the inventory first.`,
      });
    if (!servers.some(({ name, up }) => up && name !== server))
      throw new LbctlError("rejected", {
        what: `${server} is the last healthy server of ${pool}, so killing it would be an outage; nothing was touched`,
        at: host,
        hint: `Bring another server of ${pool} UP first; "lbctl status" shows them.`,
      });
  }
}
