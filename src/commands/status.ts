import { exitCodes, LbctlError } from "../errors.ts";
import { answerText, askRuntime } from "../haproxy/runtime.ts";
import { parseStat } from "../haproxy/stat.ts";
import { makeStatus, type HostStats } from "../haproxy/status.ts";
import type { Host } from "../model/fleet.ts";
import { connect } from "../remote/connect.ts";
import { printJson, printLines } from "../report/out.ts";
import { statusLines } from "../report/status.ts";
import { eachHost } from "./hosts.ts";
import type { Context, FleetOptions } from "./options.ts";
import { loadProject } from "./project.ts";

/** `lbctl status`: what each load balancer says of its servers. Exit 10 when degraded, 11 when unavailable. */
export async function statusCommand(options: FleetOptions, context: Context): Promise<number> {
  const { hosts } = await loadProject(options);
  const answers = await eachHost(hosts, options.forks, (host) => askHost(host, context.signal));
  const document = makeStatus(answers);
  if (options.json) printJson(document);
  else printLines(statusLines(document));
  return document.health === "ok" ? 0 : exitCodes[document.health];
}

async function askHost(host: Host, signal: AbortSignal): Promise<HostStats> {
  const remote = connect(host);
  try {
    const [answer] = await askRuntime(remote, ["show stat"], { signal, idleTimeoutMs: 15_000 });
    return { host: host.name, stats: parseStat(answerText(host.name, answer)) };
  } catch (error) {
    if (!(error instanceof LbctlError) || error.code === "interrupted") throw error;
    return { host: host.name, error: error.problems.map((problem) => problem.what).join("; ") };
  }
}
