import { withoutAnySecret } from "../document/secrets.ts";
import { shownProblems } from "./problems.ts";
import type { HostOutcome, RunEvent } from "../model/events.ts";
import { errorStyle, style } from "./style.ts";
import { visible } from "./visible.ts";

/**
 * Live progress: a line when a step is done, and one when a step has run for a second, so that nobody waits in
 * silence. `stop` ends the waiting.
 */
export function liveProgress(print: (line: string) => void): {
  take: (event: RunEvent) => void;
  stop: () => void;
} {
  const waiting = new Map<string, NodeJS.Timeout>();
  const settle = (host: string): void => {
    clearTimeout(waiting.get(host));
    waiting.delete(host);
  };
  return {
    take: (event) => {
      if (event.kind !== "note") settle(event.host);
      if (event.kind === "step") {
        const line = `${hostColumn(event)} ${errorStyle.dim("…")} ${event.text}`;
        const show = (): void => {
          print(line);
        };
        waiting.set(event.host, setTimeout(show, 1000));
      } else if (event.kind === "done") {
        print(
          `${hostColumn(event)} ${errorStyle.green("✓")} ${event.step} ${errorStyle.dim(seconds(event.ms))}`,
        );
      } else {
        print(`${hostColumn(event)} ${errorStyle.yellow("!")} ${visible(withoutAnySecret(event.text))}`);
      }
    },
    stop: () => {
      for (const host of [...waiting.keys()]) settle(host);
    },
  };
}

function hostColumn(event: RunEvent): string {
  return errorStyle.bold(event.host.padEnd(12));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
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
    ...outcomes.map(({ host, outcome, why }) => {
      const end = why === undefined ? outcome : `${outcome.padEnd(11)}  ${why}`;
      return `  ${host.padEnd(width)}  ${colours[outcome](end)}`;
    }),
    `  ${style.dim(counts.join(", "))}`,
  ];
}

/** The JSON that programs rely on; keys are only ever added. */
export function applyDocument(outcomes: readonly HostOutcome[]): object {
  return {
    format_version: 1,
    hosts: outcomes.map(({ host, outcome, error, why }) => ({
      name: host,
      outcome,
      why: why ?? null,
      error: error === null ? null : { code: error.code, problems: shownProblems(error) },
    })),
  };
}
