import type { HostOutcome, RunEvent } from "../model/events.ts";
import { problemLines } from "./errors.ts";
import { errorStyle, style } from "./style.ts";

/** One line of live progress. */
export function eventLine(event: RunEvent): string {
  const host = errorStyle.bold(event.host.padEnd(12));
  switch (event.kind) {
    case "step":
      return `${host} ${errorStyle.dim("…")} ${event.text}`;
    case "done":
      return `${host} ${errorStyle.green("✓")} ${event.step} ${errorStyle.dim(`${(event.ms / 1000).toFixed(1)} s`)}`;
    case "note":
      return `${host} ${errorStyle.yellow("!")} ${event.text}`;
  }
}

const colours = {
  unchanged: style.green,
  changed: style.yellow,
  "rolled-back": style.red,
  failed: style.red,
  skipped: style.cyan,
};

/** The recap: a line a host, then a count of each outcome. */
export function recapLines(outcomes: readonly HostOutcome[]): string[] {
  const width = Math.max(12, ...outcomes.map((outcome) => outcome.host.length));
  const counts = Object.keys(colours)
    .map((kind) => [kind, outcomes.filter(({ outcome }) => outcome === kind).length] as const)
    .filter(([, number]) => number > 0)
    .map(([kind, number]) => `${kind} ${String(number)}`);
  return [
    style.bold("Recap"),
    ...outcomes.map(({ host, outcome }) => `  ${host.padEnd(width)}  ${colours[outcome](outcome)}`),
    `  ${style.dim(counts.join(", "))}`,
  ];
}

/** What went wrong, host by host. */
export function outcomeErrorLines(outcomes: readonly HostOutcome[]): string[] {
  return outcomes.flatMap(({ error }) => error?.problems.flatMap(problemLines) ?? []);
}

/** The JSON that programs rely on; keys are only ever added. */
export function applyDocument(outcomes: readonly HostOutcome[]): object {
  return {
    format_version: 1,
    hosts: outcomes.map(({ host, outcome, error }) => ({
      name: host,
      outcome,
      error: error === null ? null : { code: error.code, problems: error.problems },
    })),
  };
}
