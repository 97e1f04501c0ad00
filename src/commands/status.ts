import { withoutAnySecret } from "../document/secrets.ts";
import { exitCodes, LbctlError } from "../errors.ts";
import { answerText, askRuntime } from "../haproxy/runtime.ts";
import { parseStat } from "../haproxy/stat.ts";
import { makeStatus, type HostStats } from "../haproxy/status.ts";
import type { Remote } from "../remote/port.ts";
import { printJson, printLines } from "../report/out.ts";
import { statusLines } from "../report/status.ts";
import { connectionsTo } from "./connections.ts";
import { eachHost } from "./hosts.ts";
import type { Context, FleetOptions } from "./options.ts";
import { loadProject } from "./project.ts";

/** `lbctl status`: what each load balancer says of its servers. Exit 10 when degraded, 11 when unavailable. */
export async function statusCommand(options: FleetOptions, context: Context): Promise<number> {
  const { hosts } = await loadProject(options);
  const connections = await connectionsTo(hosts, options);
  const answers = await eachHost(hosts, options.forks, (host) =>
    askHost(connections.to(host), context.signal),
  ).finally(connections.close);
  const document = makeStatus(answers);
  if (options.json) printJson(document);
  else printLines(statusLines(document));
  return document.health === "ok" ? 0 : exitCodes[document.health];
}

async function askHost(remote: Remote, signal: AbortSignal): Promise<HostStats> {
  const { host } = remote;
  try {
    const [answer] = await askRuntime(remote, ["show stat"], { signal, idleTimeoutMs: 15_000 });
    return { host, stats: parseStat(answerText(host, answer)) };
  } catch (error) {
    if (!(error instanceof LbctlError) || error.code === "interrupted") throw error;
    return { host, error: error.problems.map((problem) => withoutAnySecret(problem.what)).join("; ") };
  }
}
