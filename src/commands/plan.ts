import { planDocument, planLines } from "../report/plan.ts";
import { printJson, printLines } from "../report/out.ts";
import { openConnections } from "../remote/connect.ts";
import { lookAtHosts } from "./look.ts";
import type { Context, FleetOptions } from "./options.ts";
import { loadProject } from "./project.ts";

export interface PlanOptions extends FleetOptions {
  readonly detailedExitcode?: boolean;
}

/** `lbctl plan`: says what differs and changes nothing. Exit 2 with --detailed-exitcode when there are changes. */
export async function planCommand(options: PlanOptions, context: Context): Promise<number> {
  const project = await loadProject(options);
  const connections = openConnections(options.transport);
  const looks = await lookAtHosts(project, connections, options.forks, context.signal).finally(
    connections.close,
  );
  const plans = looks.map((look) => look.plan);
  if (options.json) printJson(planDocument(plans));
  else printLines(planLines(plans));
  return options.detailedExitcode && plans.some((plan) => plan.changes) ? 2 : 0;
}
