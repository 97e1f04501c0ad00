import { setPriority } from "node:os";
import { holdLeases } from "../apply/hold.ts";
import { makeClaim } from "../apply/lease.ts";
import { drillCode } from "../drill/events.ts";
import { runFailoverDrill } from "../drill/failover.ts";
import { planFailover } from "../drill/plan.ts";
import { exitCodes, LbctlError } from "../errors.ts";
import type { Connections } from "../remote/connect.ts";
import type { Remote } from "../remote/port.ts";
import { runProcess, type ProcessOptions } from "../remote/process.ts";
import { drillEventLine, drillLines } from "../report/drill.ts";
import { printJson, printLines, printProgress } from "../report/out.ts";
import { connectionsTo } from "./connections.ts";
import { confirm } from "./confirm.ts";
import { lookAtHosts } from "./look.ts";
import type { RunOptions } from "./apply-hosts.ts";
import { operator } from "./operator.ts";
import type { Context } from "./options.ts";
import { loadProject, type Project } from "./project.ts";

export interface DrillOptions extends RunOptions {
  readonly pool: string;
  readonly server?: string;
  readonly rate: number;
  readonly yes?: boolean;
}

/** `lbctl drill failover`: kills a backend under load and measures what clients see. Exit 8 failed, 9 inconclusive. */
export async function drillFailoverCommand(options: DrillOptions, context: Context): Promise<number> {
  const project = await loadProject(options);
  const { fleet, hosts } = project;
  const { pool, server, rate } = options;
  const scenario = planFailover(fleet, { pool, rate, ...(server === undefined ? {} : { server }) });
  await confirm(`Kill ${scenario.server} of ${pool} under load, and revive it?`, options);
  favourThisProcess();
  const killed = scenario.fault.kind === "systemd" ? fleet.hosts.get(scenario.fault.host) : undefined;
  const connections = await connectionsTo([...hosts, ...(killed ? [killed] : [])], options);
  const deps = {
    remote: (name: string) => {
      const host = hosts.find((candidate) => candidate.name === name) ?? fleet.hosts.get(name);
      if (host) return connections.to(host);
      throw new LbctlError("bug", { what: `the inventory has no host ${name}` });
    },
    // Ctrl-C is for the drill to answer: it must not reach a kill or a revive half-way.
    run: (file: string, args: readonly string[], more?: ProcessOptions) =>
      runProcess(file, args, { ...more, detached: true }),
    uid: process.getuid?.() ?? 0,
    now: () => performance.now(),
  };
  const { document } = await sayWhatIsNotApplied(project, connections, options, context)
    .then(() => takeLeases(scenario.loadBalancers.map(deps.remote), project, options, context))
    .then((letGo) =>
      runFailoverDrill(
        scenario,
        deps,
        (event) => {
          if (event.kind === "kill")
            context.mustFinish(`still reviving ${event.server}; by hand: ${event.reviveCommand}`);
          if (event.kind === "revived") context.mustFinish(null);
          const line = drillEventLine(event);
          if (line !== null && !options.quiet) printProgress([line]);
        },
        context.signal,
      ).finally(letGo),
    )
    .finally(connections.close);
  if (options.json) printJson(document);
  else printLines(drillLines(document));
  const code = drillCode(document);
  return code === null ? 0 : exitCodes[code];
}

/** Nobody changes a load balancer while it is measured. */
function takeLeases(
  remotes: readonly Remote[],
  { role }: Project,
  { lockWait = 0, quiet }: DrillOptions,
  { signal }: Context,
): Promise<() => Promise<void>> {
  return holdLeases(remotes, {
    service: role.service,
    claim: makeClaim(operator(), "drill"),
    waitMs: lockWait * 1000,
    signal,
    emit: (event) => {
      if (event.kind === "note" && !quiet) printProgress([`${event.host}: ${event.text}`]);
    },
    onLost: ({ message }) => {
      printProgress([`! ${message}; the drill goes on`]);
    },
  });
}

/** The bound is computed from the inventory; it says little of a load balancer that runs something else. */
async function sayWhatIsNotApplied(
  project: Project,
  connections: Connections,
  options: DrillOptions,
  context: Context,
): Promise<void> {
  const sights = await lookAtHosts(project, connections, options.forks, context.signal);
  const behind = sights.filter(({ look }) => look?.plan.changes).map(({ host }) => host);
  if (behind.length === 0) return;
  const run = behind.length === 1 ? "does not run" : "do not run";
  printProgress([`! ${behind.join(", ")} ${run} what the inventory says; see \`lbctl plan\``]);
}

/** A load generator that waits for the processor measures itself. Only root may ask for more. */
function favourThisProcess(): void {
  try {
    setPriority(-10);
  } catch {
    // then it runs as everybody else does
  }
}
