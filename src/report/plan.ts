import { shownProblems } from "./problems.ts";
import type { LbctlError } from "../errors.ts";
import type { FileChange, HostPlan } from "../model/host.ts";
import { style } from "./style.ts";
import { visible, visibleLine } from "./visible.ts";

/** Plans as text: a heading and what would change for each host, diffs included, then a summary. */
export function planLines(plans: readonly HostPlan[]): string[] {
  const changed = plans.some((plan) => plan.changes);
  const colour = plans.length === 0 ? style.yellow : changed ? style.bold : style.green;
  return [...plans.flatMap(hostLines), colour(planSummary(plans))];
}

/** What the plans come to, in a sentence. */
export function planSummary(plans: readonly HostPlan[]): string {
  if (plans.length === 0) return "There is no plan for any host.";
  const changed = plans.filter((plan) => plan.changes).length;
  if (changed === 0) return `No changes: ${count(plans.length, "host")} as described.`;
  return `Plan: ${count(changed, "host")} to change, ${String(plans.length - changed)} unchanged.`;
}

function hostLines(plan: HostPlan): string[] {
  const warnings = plan.warnings.map((text) => `  ${style.yellow("!")} ${visibleLine(text)}`);
  if (!plan.changes) return [`${style.bold(plan.host)}  ${style.green("unchanged")}`, ...warnings, ""];
  return [
    `${style.bold(plan.host)}  ${style.yellow("changes")}`,
    ...warnings,
    ...(plan.adopts
      ? [`  ${style.yellow("!")} the files there are your own: apply needs --adopt, and keeps them`]
      : []),
    ...(plan.drift.length > 0
      ? [`  ${style.yellow("!")} edited by hand${since(plan)}: this needs --force, and keeps the edits`]
      : []),
    ...plan.install.map((name) => `  ${style.green("+")} package ${name}`),
    ...plan.files.flatMap((change) => [
      `  ${marks[change.action]} ${change.path}${style.dim(aside(change, plan))}`,
      ...(change.diff === "" ? [] : diffLines(change.diff)),
    ]),
    ...plan.links.map((name) => `  ${style.yellow("~")} ${name} becomes a link into the current generation`),
    ...(plan.dropIn
      ? [`  ${marks[plan.dropIn]} drop-in of the service: undoes unconfirmed changes, keeps drains`]
      : []),
    ...(plan.enable ? [`  ${style.green("+")} the service starts at boot`] : []),
    ...(plan.activate ? [`  ${style.yellow("~")} ${plan.activate.how}: ${plan.activate.why}`] : []),
    "",
  ];
}

/** What else is to be said of a file. */
function aside({ note, drift }: FileChange, plan: HostPlan): string {
  const words = [...(drift ? [`edited by hand${since(plan)}`] : []), ...(note === null ? [] : [note])];
  return words.length === 0 ? "" : ` (${words.join("; ")})`;
}

export function since({ generation }: Pick<HostPlan, "generation">): string {
  return generation === null ? "" : ` since generation ${String(generation)}`;
}

const marks = { create: style.green("+"), update: style.yellow("~"), delete: style.red("-") };

function diffLines(diff: string): string[] {
  return visible(diff)
    .trimEnd()
    .split("\n")
    .map((line) => {
      const text = `      ${line}`;
      if (line.startsWith("+++") || line.startsWith("---")) return style.bold(text);
      if (line.startsWith("@@")) return style.cyan(text);
      if (line.startsWith("+")) return style.green(text);
      if (line.startsWith("-")) return style.red(text);
      return style.dim(text);
    });
}

/** A host's plan, or why there is none. */
export interface PlannedHost {
  readonly host: string;
  readonly plan: HostPlan | null;
  readonly error: LbctlError | null;
}

/** The JSON that programs rely on; keys are only ever added. */
export function planDocument(hosts: readonly PlannedHost[]): object {
  return {
    format_version: 1,
    changes: hosts.some(({ plan }) => plan?.changes === true),
    hosts: hosts.map(({ host, plan, error }) => ({
      name: host,
      changes: plan?.changes ?? false,
      files: plan?.files ?? [],
      install: plan?.install ?? [],
      links: plan?.links ?? [],
      activate: plan?.activate ?? null,
      enable: plan?.enable ?? false,
      drop_in: plan?.dropIn ?? null,
      generation: plan?.generation ?? null,
      adopts: plan?.adopts ?? false,
      drift: plan?.drift ?? [],
      warnings: plan?.warnings ?? [],
      error: error === null ? null : { code: error.code, problems: shownProblems(error) },
    })),
  };
}

export function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? "" : "s"}`;
}
