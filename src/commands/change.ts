import { LbctlError } from "../errors.ts";
import type { HostOutcome } from "../model/events.ts";
import type { HostPlan, ObservedHost } from "../model/host.ts";
import type { Role } from "../model/role.ts";
import { applyDocument, recapLines } from "../report/apply.ts";
import { annotateWarnings, reportProblems } from "../report/errors.ts";
import { changeMarkdown } from "../report/markdown.ts";
import { printJson, printLines, printProgress } from "../report/out.ts";
import { planLines } from "../report/plan.ts";
import { appendSummary, type Block } from "../report/summary.ts";
import { changeHosts, type ChangeHost } from "./apply-hosts.ts";
import { confirm } from "./confirm.ts";
import { exitCodeOf, type Sight } from "./look.ts";
import type { FleetOptions } from "./options.ts";

export interface ChangeOptions extends FleetOptions {
  readonly yes?: boolean;
  readonly adopt?: boolean;
}

type AnyPlan = Pick<HostPlan, "host" | "changes" | "warnings">;

/** A command that changes hosts. */
export interface Change<Look> {
  readonly question: (hosts: string) => string;
  /** What would be done, for people. */
  readonly lines: (looks: readonly Look[]) => string[];
  /** Throws LbctlError when the operator has not said what such a change needs. */
  readonly refuse: (changing: readonly Look[]) => void;
  readonly changeHost: ChangeHost<Look>;
  /** For the summary page of a job. */
  readonly summary: (outcomes: readonly HostOutcome[], looks: readonly Look[]) => readonly Block[];
}

/** Shows what would be done, asks, does it, and says how each host ended. Returns the exit code. */
export async function makeChange<Look extends { readonly plan: AnyPlan }>(
  sights: readonly Sight<Look>[],
  change: Change<Look>,
  options: ChangeOptions,
  signal: AbortSignal,
): Promise<number> {
  const looks = sights.flatMap(({ look }) => look ?? []);
  if (!options.json) printLines(change.lines(looks));
  annotateWarnings(looks.map(({ plan }) => plan));
  let outcomes: readonly HostOutcome[];
  if (sights.some(({ error }) => error !== null)) outcomes = sights.map(leftAlone);
  else {
    await consent(looks, change, options);
    outcomes = await changeHosts(looks, change.changeHost, options, signal);
  }
  if (options.json) printJson(applyDocument(outcomes));
  else printLines(recapLines(outcomes));
  const errors = outcomes.flatMap(({ error }) => error ?? []);
  reportProblems(errors);
  appendSummary(change.summary(outcomes, looks));
  if (looks.length < sights.length) printProgress([nothingTouched(sights)]);
  return exitCodeOf(errors);
}

/** When one host cannot be looked at, none is changed. */
function leftAlone({ host, error }: Sight<unknown>): HostOutcome {
  return { host, outcome: error === null ? "skipped" : "failed", error };
}

function nothingTouched(sights: readonly Sight<unknown>[]): string {
  const without = sights.filter(({ error }) => error?.code === "unreachable").map(({ host }) => `!${host}`);
  if (without.length === 0 || without.length === sights.length) return "Nothing was changed on any host.";
  return `Nothing was changed on any host. To go on without: -l '${["all", ...without].join(":")}'`;
}

/** Throws LbctlError when the operator does not agree, or has not said what such a change needs. */
async function consent<Look extends { readonly plan: AnyPlan }>(
  looks: readonly Look[],
  { question, refuse }: Change<Look>,
  options: ChangeOptions,
): Promise<void> {
  const changing = looks.filter(({ plan }) => plan.changes);
  if (changing.length === 0) return;
  refuse(changing);
  // With --json nobody was shown a plan to agree to.
  const input = options.input && !options.json;
  await confirm(question(changing.map(({ plan }) => plan.host).join(", ")), { ...options, input });
}

/** What changes by plans, with diffs, have in common. */
export function byPlans<Look extends { readonly plan: HostPlan; readonly observed: ObservedHost }>(
  command: "apply" | "rollback",
  role: Role,
  options: ChangeOptions,
): Pick<Change<Look>, "lines" | "refuse" | "summary"> {
  const plansOf = (looks: readonly Look[]): HostPlan[] => looks.map(({ plan }) => plan);
  return {
    lines: (looks) => planLines(plansOf(looks)),
    refuse: (changing) => {
      const foreign = changing.filter(({ plan }) => plan.adopts);
      if (foreign.length === 0 || options.adopt) return;
      const problems = foreign.map(({ plan, observed }) => adoptionNeeded(plan, observed, role));
      throw new LbctlError("invalid", problems);
    },
    summary: (outcomes, looks) => changeMarkdown(command, outcomes, plansOf(looks)),
  };
}

function adoptionNeeded(plan: HostPlan, observed: ObservedHost, { live, state }: Role) {
  const [what, kept] =
    observed.generation === null
      ? [`${live} holds a configuration of your own, not lbctl's`, `a generation in ${state}/generations`]
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
