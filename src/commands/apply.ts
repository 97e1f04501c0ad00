import { LbctlError } from "../errors.ts";
import type { HostOutcome } from "../model/events.ts";
import { applyDocument, recapLines } from "../report/apply.ts";
import { annotateWarnings, reportProblems } from "../report/errors.ts";
import { applyMarkdown } from "../report/markdown.ts";
import { printJson, printLines, printProgress } from "../report/out.ts";
import { planLines } from "../report/plan.ts";
import { appendSummary } from "../report/summary.ts";
import { applyToHosts } from "./apply-hosts.ts";
import { connectionsTo } from "./connections.ts";
import { confirm } from "./confirm.ts";
import { exitCodeOf, lookAtHosts, type HostLook, type Sight } from "./look.ts";
import type { Context, FleetOptions } from "./options.ts";
import { planCommand } from "./plan.ts";
import { loadProject } from "./project.ts";

export interface ApplyOptions extends FleetOptions {
  readonly yes?: boolean;
  readonly check?: boolean;
  readonly adopt?: boolean;
}

/** `lbctl apply`: shows the plan, asks, makes it so on every host, and says how each ended. */
export async function applyCommand(options: ApplyOptions, context: Context): Promise<number> {
  if (options.check) return planCommand(options, context);
  const project = await loadProject(options);
  const connections = await connectionsTo(project.hosts, options);
  try {
    const sights = await lookAtHosts(project, connections, options.forks, context.signal);
    const looks = sights.flatMap(({ look }) => look ?? []);
    const plans = looks.map(({ plan }) => plan);
    if (!options.json) printLines(planLines(plans));
    annotateWarnings(plans);
    const outcomes = sights.some(({ error }) => error !== null)
      ? sights.map(leftAlone)
      : await consent(looks, options).then(() => applyToHosts(project, looks, options, context.signal));
    if (options.json) printJson(applyDocument(outcomes));
    else printLines(recapLines(outcomes));
    const errors = outcomes.flatMap(({ error }) => error ?? []);
    reportProblems(errors);
    appendSummary(applyMarkdown(outcomes, plans));
    if (looks.length < sights.length) printProgress([nothingTouched(sights)]);
    return exitCodeOf(errors);
  } finally {
    await connections.close();
  }
}

/** When one host cannot be looked at, none is changed. */
function leftAlone({ host, error }: Sight): HostOutcome {
  return { host, outcome: error === null ? "skipped" : "failed", error };
}

function nothingTouched(sights: readonly Sight[]): string {
  const without = sights.filter(({ error }) => error?.code === "unreachable").map(({ host }) => `!${host}`);
  if (without.length === 0 || without.length === sights.length) return "Nothing was changed on any host.";
  return `Nothing was changed on any host. To go on without: -l '${["all", ...without].join(":")}'`;
}

/** Throws LbctlError when the operator does not agree, or has not said what such a change needs. */
async function consent(looks: readonly HostLook[], options: ApplyOptions): Promise<void> {
  const changing = looks.filter(({ plan }) => plan.changes);
  if (changing.length === 0) return;
  const foreign = changing.filter(({ plan }) => plan.adopts);
  if (foreign.length > 0 && !options.adopt) throw new LbctlError("invalid", foreign.map(adoptionNeeded));
  // With --json nobody was shown a plan to agree to.
  const input = options.input && !options.json;
  await confirm(`Apply this to ${changing.map(({ plan }) => plan.host).join(", ")}?`, { ...options, input });
}

function adoptionNeeded({ plan, observed, renderInput }: HostLook) {
  const { live, state } = renderInput.role;
  const [what, kept] =
    observed.generation === null
      ? [`${live} holds a configuration of your own, not lbctl's`, "generation 0"]
      : [
          `${live} was changed by hand: ${plan.links.join(", ")} is no longer lbctl's link`,
          `${state}/replaced`,
        ];
  return {
    what,
    at: plan.host,
    hint: `Read the diff, then run it again with --adopt: your files are kept as ${kept}. Nothing was touched.`,
  };
}
