import type { LbctlError } from "../errors.ts";
import { readHistory } from "../observe/history.ts";
import { reportProblems } from "../report/errors.ts";
import { historyDocument, historyLines } from "../report/history.ts";
import { printJson, printLines } from "../report/out.ts";
import { connectionsTo } from "./connections.ts";
import { exitCodeOf, seeHosts } from "./look.ts";
import type { Context, FleetOptions } from "./options.ts";
import { loadProject } from "./project.ts";

/** `lbctl history`: who changed what on each load balancer, and which generations are still there to go back to. */
export async function historyCommand(options: FleetOptions, { signal }: Context): Promise<number> {
  const { hosts, role } = await loadProject(options);
  const connections = await connectionsTo(hosts, options);
  const sights = await seeHosts(hosts, options.forks, (host) =>
    readHistory(connections.to(host), role, signal),
  ).finally(connections.close);
  const histories = sights.flatMap(({ look }) => look ?? []);
  const errors: LbctlError[] = sights.flatMap(({ error }) => error ?? []);
  if (options.json) printJson(historyDocument(sights));
  else printLines(histories.flatMap(historyLines));
  reportProblems(errors);
  return exitCodeOf(errors);
}
