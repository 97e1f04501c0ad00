import { withoutAnySecret } from "../document/secrets.ts";
import { readStatus } from "../drain/records.ts";
import { exitCodes, LbctlError } from "../errors.ts";
import { isSettled, makeStatus, type HostStats, type StatusDocument } from "../haproxy/status.ts";
import type { Role } from "../model/role.ts";
import type { Remote } from "../remote/port.ts";
import { printJson, printLines, printProgress } from "../report/out.ts";
import { statusLines, waitingLine } from "../report/status.ts";
import { connectionsTo } from "./connections.ts";
import { eachHost } from "./hosts.ts";
import type { Context, FleetOptions } from "./options.ts";
import { loadProject } from "./project.ts";
import { waitUntil } from "./wait.ts";

export interface StatusOptions extends FleetOptions {
  /** Seconds to wait at most until all is ok. */
  readonly wait?: number;
}

/** `lbctl status`: what each load balancer says of its servers. Exit 10 when degraded, 11 when unavailable. */
export async function statusCommand(options: StatusOptions, context: Context): Promise<number> {
  const { hosts, role } = await loadProject(options);
  const connections = await connectionsTo(hosts, options);
  const look = async (): Promise<StatusDocument> =>
    makeStatus(
      await eachHost(hosts, options.forks, (host) => askHost(connections.to(host), role, context.signal)),
    );
  let said = "";
  const document = await waitUntil(look, (seen) => seen.health === "ok" && isSettled(seen), {
    timeoutMs: (options.wait ?? 0) * 1000,
    signal: context.signal,
    onWait: (seen) => {
      const line = waitingLine(seen);
      if (!options.quiet && line !== said) printProgress([line]);
      said = line;
    },
  }).finally(connections.close);
  if (options.json) printJson(document);
  else printLines(statusLines(document));
  return document.health === "ok" ? 0 : exitCodes[document.health];
}

async function askHost(remote: Remote, role: Role, signal: AbortSignal): Promise<HostStats> {
  const { host } = remote;
  try {
    return { host, ...(await readStatus(remote, role, signal)) };
  } catch (error) {
    if (!(error instanceof LbctlError) || error.code === "interrupted") throw error;
    return { host, error: error.problems.map((problem) => withoutAnySecret(problem.what)).join("; ") };
  }
}
