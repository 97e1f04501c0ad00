import { annotateWarnings, reportProblems } from "../report/errors.ts";
import { planMarkdown } from "../report/markdown.ts";
import { printJson, printLines } from "../report/out.ts";
import { planDocument, planLines, type PlannedHost } from "../report/plan.ts";
import { appendSummary } from "../report/summary.ts";
import { connectionsTo } from "./connections.ts";
import { exitCodeOf, lookAtHosts } from "./look.ts";
import type { Context, FleetOptions } from "./options.ts";
import { loadProject } from "./project.ts";

export interface PlanOptions extends FleetOptions {
  readonly detailedExitcode?: boolean;
}

/** `lbctl plan`: says what differs and changes nothing. Exit 2 with --detailed-exitcode when there are changes. */
export async function planCommand(options: PlanOptions, context: Context): Promise<number> {
  const project = await loadProject(options);
  const connections = await connectionsTo(project.hosts, options);
  const sights = await lookAtHosts(project, connections, options.forks, context.signal).finally(
    connections.close,
  );
  return showPlans(
    sights.map(({ host, look, error }) => ({ host, plan: look?.plan ?? null, error })),
    options,
  );
}

/** Prints plans, and stops there. Returns the exit code. */
export function showPlans(planned: readonly PlannedHost[], options: PlanOptions): number {
  const plans = planned.flatMap(({ plan }) => plan ?? []);
  const errors = planned.flatMap(({ error }) => error ?? []);
  if (options.json) printJson(planDocument(planned));
  else printLines(planLines(plans));
  annotateWarnings(plans);
  reportProblems(errors);
  appendSummary(planMarkdown(planned));
  if (errors.length > 0) return exitCodeOf(errors);
  return options.detailedExitcode && plans.some((plan) => plan.changes) ? 2 : 0;
}
