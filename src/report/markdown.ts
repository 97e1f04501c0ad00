import { shownProblems } from "./problems.ts";
import { withoutSecrets } from "../document/secrets.ts";
import type { Problem } from "../errors.ts";
import type { HostOutcome } from "../model/events.ts";
import type { FileChange, HostPlan } from "../model/host.ts";
import { count, planSummary, since, type PlannedHost } from "./plan.ts";
import type { Block } from "./summary.ts";
import { visible } from "./visible.ts";

/** Plans for the summary page of a job: what would change on each host, diffs folded away. */
export function planMarkdown(hosts: readonly PlannedHost[]): Block[] {
  const plans = hosts.flatMap(({ plan }) => plan ?? []);
  return [
    line(`### lbctl plan\n\n${escape(planSummary(plans))}\n\n`),
    ...changesMarkdown(plans),
    ...problemsMarkdown(hosts.flatMap(({ error }) => (error ? shownProblems(error) : []))),
  ];
}

/** How an apply or a rollback ended on each host, and what it was about to change there. */
export function changeMarkdown(
  command: "apply" | "rollback",
  outcomes: readonly HostOutcome[],
  plans: readonly HostPlan[],
): Block[] {
  const row = ({ host, outcome, why }: HostOutcome): string =>
    `| ${escape(host)} | ${escape(why === undefined ? outcome : `${outcome}, ${why}`)} |\n`;
  return [
    line(`### lbctl ${command}\n\n| host | outcome |\n| --- | --- |\n`),
    ...outcomes.map((outcome) => line(row(outcome))),
    line("\n"),
    ...changesMarkdown(plans),
    ...problemsMarkdown(outcomes.flatMap(({ error }) => (error ? shownProblems(error) : []))),
  ];
}

export function problemsMarkdown(problems: readonly Problem[]): Block[] {
  const texts = problems.map(({ what, at, hint }) => {
    const place = at === undefined ? "" : `${escape(at)}: `;
    return `- **error:** ${place}${[what, hint ?? []].flat().map(escape).join("<br>")}\n`;
  });
  return [...new Set(texts)].map(line);
}

function changesMarkdown(plans: readonly HostPlan[]): Block[] {
  const warned = plans.filter(({ changes, warnings }) => !changes && warnings.length > 0);
  return [
    ...plans.filter(({ changes }) => changes).map(hostBlock),
    ...warned.map((plan) => line(`- ${escape(plan.host)}: ${plan.warnings.map(escape).join("<br>")}\n`)),
  ];
}

function hostBlock(plan: HostPlan): Block {
  const { host, warnings, install, links, enable, activate, adopts, drift, files } = plan;
  const steps = [
    ...warnings,
    ...(adopts ? ["the files there are your own: apply needs --adopt"] : []),
    ...(drift.length > 0 ? [`edited by hand${since(plan)}: ${drift.join(", ")}; this needs --force`] : []),
    ...install.map((name) => `package ${name} is installed`),
    ...links.map((name) => `${name} becomes a link into the current generation`),
    ...(enable ? ["the service starts at boot"] : []),
    ...(activate ? [`${activate.how}: ${activate.why}`] : []),
  ];
  const what = [
    ...install.map((name) => `package ${name}`),
    ...(files.length > 0 ? [count(files.length, "file")] : []),
    ...(activate ? [activate.how] : []),
  ];
  const head = escape(`${host}: ${what.join(", ")}`);
  const body = [...steps.map((step) => `- ${escape(step)}\n`), ...files.map(fileMarkdown)].join("");
  return {
    text: `<details><summary><b>${head}</b></summary>\n\n${body}\n</details>\n\n`,
    short: `- ${head}\n`,
  };
}

function fileMarkdown({ path, action, diff, note }: FileChange): string {
  return `- ${escape(`${action} ${path}${note === null ? "" : ` (${note})`}`)}\n${diff === "" ? "" : `\n${fenced(diff)}\n`}`;
}

/** A fence longer than any within, so that no line of the diff ends it. */
function fenced(written: string): string {
  const diff = visible(withoutSecrets(written));
  const longest = Math.max(0, ...[...diff.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(Math.max(3, longest + 1));
  return `${fence}diff\n${diff.trimEnd()}\n${fence}\n`;
}

function line(text: string): Block {
  return { text, short: "" };
}

/** Text in which neither Markdown nor HTML means anything, addresses included. Lines become `<br>`. */
function escape(text: string): string {
  const reference = (character: string): string => `&#${String(character.codePointAt(0))};`;
  return visible(withoutSecrets(text))
    .split("\n")
    .map((part) => part.replace(/(?<=www)\.|[^\p{L}\p{N} .,()/-]/giu, reference))
    .join("<br>");
}
