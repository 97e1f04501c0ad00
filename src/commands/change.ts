import type { HostOutcome } from "../model/events.ts";
import type { HostPlan } from "../model/host.ts";
import type { LeaseReason } from "../model/lease.ts";
import type { Role } from "../model/role.ts";
import { applyDocument, recapLines } from "../report/apply.ts";
import { annotateWarnings, reportProblems } from "../report/errors.ts";
import { changeMarkdown } from "../report/markdown.ts";
import { printJson, printLines, printProgress } from "../report/out.ts";
import { planLines } from "../report/plan.ts";
import { appendSummary, type Block } from "../report/summary.ts";
import { changeHosts, type ChangeHost, type RunOptions } from "./apply-hosts.ts";
import { batchesOf } from "./batches.ts";
import { confirm } from "./confirm.ts";
import { exitCodeOf, type Sight } from "./look.ts";
import type { Context } from "./options.ts";
import { refuseOverwriting } from "./refuse-overwriting.ts";
import { howToGoOn } from "./rerun.ts";
import { Tally } from "./tally.ts";

export interface ChangeOptions extends RunOptions {
  readonly yes?: boolean;
  readonly adopt?: boolean;
  readonly confirmTimeout?: number;
  readonly force?: boolean;
}

type AnyPlan = Pick<HostPlan, "host" | "changes" | "warnings">;

/** A command that changes hosts. */
export interface Change<Look> {
  /** What others are told who wait for it. */
  readonly reason: LeaseReason;
  readonly question: (hosts: string) => string;
  /** What would be done, for people. */
  readonly lines: (looks: readonly Look[]) => string[];
  /** Throws LbctlError when the operator has not said what such a change needs. */
  readonly refuse: (changing: readonly Look[]) => void;
  readonly changeHost: ChangeHost<Look>;
  /** Takes a host back that was changed, for `--on-failure rollback-all`. */
  readonly putBack?: ChangeHost<Look>;
  /** Run again, it leaves hosts alone that are done. */
  readonly resumes: boolean;
  /** For the summary page of a job. */
  readonly summary: (outcomes: readonly HostOutcome[], looks: readonly Look[]) => readonly Block[];
}

/** Shows what would be done, asks, does it, and says how each host ended. Returns the exit code. */
export async function makeChange<Look extends { readonly plan: AnyPlan }>(
  sights: readonly Sight<Look>[],
  change: Change<Look>,
  options: ChangeOptions,
  { signal, lastWords, words }: Context,
): Promise<number> {
  const looks = sights.flatMap(({ look }) => look ?? []);
  if (!options.json) printLines(change.lines(looks));
  annotateWarnings(looks.map(({ plan }) => plan));
  const tell = (outcomes: readonly HostOutcome[]): void => {
    if (options.json) printJson(applyDocument(outcomes));
    else printLines(recapLines(outcomes));
    reportProblems(outcomes.flatMap(({ error }) => error ?? []));
    appendSummary(change.summary(outcomes, looks));
  };
  if (sights.some(({ error }) => error !== null)) {
    tell(sights.map(leftAlone));
    printProgress([nothingTouched(sights)]);
    return exitCodeOf(sights.flatMap(({ error }) => error ?? []));
  }
  await consent(looks, change, options, signal);
  const tally = new Tally(looks.map(({ plan }) => plan.host));
  const tellAll = (): void => {
    const outcomes = tally.outcomes();
    tell(outcomes);
    printProgress(howToGoOn(words, outcomes, change.resumes));
  };
  lastWords(tellAll);
  await changeHosts(looks, change, tally, options, signal);
  lastWords(null);
  tellAll();
  return exitCodeOf(tally.outcomes().flatMap(({ error }) => error ?? []));
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
  signal: AbortSignal,
): Promise<void> {
  const changing = looks.filter(({ plan }) => plan.changes);
  if (changing.length === 0) return;
  refuse(changing);
  // With --json nobody was shown a plan to agree to.
  const input = options.input && !options.json;
  const batches = batchesOf(
    changing.map(({ plan }) => plan.host),
    options.serial,
  );
  const hosts = batches.map((batch) => batch.join(", ")).join(", then ");
  await confirm(question(hosts), { ...options, input, signal });
}

/** What changes by plans, with diffs, have in common. */
export function byPlans<Look extends { readonly plan: HostPlan }>(
  command: "apply" | "rollback",
  role: Role,
  options: ChangeOptions,
  { words }: Context,
): Pick<Change<Look>, "reason" | "lines" | "refuse" | "summary"> {
  const plansOf = (looks: readonly Look[]): HostPlan[] => looks.map(({ plan }) => plan);
  return {
    reason: command,
    lines: (looks) => planLines(plansOf(looks)),
    refuse: (changing) => {
      refuseOverwriting(plansOf(changing), role, options, words);
    },
    summary: (outcomes, looks) => changeMarkdown(command, outcomes, plansOf(looks)),
  };
}
