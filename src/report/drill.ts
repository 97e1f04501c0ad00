import type { DrillDocument } from "../drill/document.ts";
import type { DrillEvent } from "../drill/events.ts";
import { cut, duration, fit, fitName, wrap } from "./columns.ts";
import { style } from "./style.ts";

const width = 80;

/** The report of `lbctl drill failover`: the verdict first, then the numbers; at most 80 columns. */
export function drillLines(document: DrillDocument): string[] {
  return [
    ...verdictLines(document),
    "",
    ...numberLines(document),
    "",
    ...phaseLines(document),
    ...whenLines(document),
  ];
}

function verdictLines(document: DrillDocument): string[] {
  const { verdict, server, pool, requests } = document;
  const made = document.fault.made
    ? `killed ${server} of ${pool} under load`
    : `${server} of ${pool} was not killed`;
  switch (verdict) {
    case "pass":
      return [
        style.bold(style.green("PASS")) + `  ${cut(`${made}: no request failed`, width - 6)}`,
        cut(`${requests.sent} requests, 0 failed; the pool is whole again.`, width),
      ];
    case "fail":
      return [style.bold(style.red("FAIL")) + `  ${cut(made, width - 6)}`, ...reasonLines(document)];
    case "inconclusive":
      return [
        style.bold(style.yellow("INCONCLUSIVE")) + `  ${cut(made, width - 14)}`,
        ...reasonLines(document),
      ];
  }
}

function reasonLines({ reasons }: DrillDocument): string[] {
  return reasons.flatMap((reason) =>
    wrap(reason, width - 2).map((line, at) => `${at === 0 ? "- " : "  "}${line}`),
  );
}

function numberLines(document: DrillDocument): string[] {
  const { requests, fault } = document;
  const kinds = Object.entries(requests.failed_by_kind).map(([kind, count]) => `${count} x ${kind}`);
  const load = `${document.url} at ${document.rate_per_second}/s through ${document.load_balancer}`;
  const detected =
    document.time_to_detect_ms === null
      ? "not seen"
      : `${duration(document.time_to_detect_ms)} after ${fault.measured_from === "probe" ? "its last good answer" : "the kill command"}`;
  const recovered =
    document.time_to_recover_ms === null
      ? "not seen"
      : `${duration(document.time_to_recover_ms)} after the revive command`;
  return [
    row("load", load),
    row("requests", `${requests.sent} sent, ${requests.ok} ok, ${requests.failed} failed`),
    ...(kinds.length > 0 ? [row("failures", kinds.join(", "))] : []),
    row("retried", `${requests.retried} tries by HAProxy, of all clients of the pool`),
    row("detected", detected),
    row("  at most", `${duration(document.detect_bound_ms)}, the sum of:`),
    ...document.detect_bound_terms.map(({ term }) => row("", term)),
    row("recovered", `${recovered} (at most ${duration(document.recover_limit_ms)})`),
  ];
}

const phases = ["before", "during", "after"] as const;

function phaseLines(document: DrillDocument): string[] {
  return [
    style.dim(fit("latency in ms", 22) + ["p50", "p95", "max"].map(number).join("")),
    ...phases.map((phase) => {
      const { p50, p95, max } = document.latency_ms[phase];
      return fit(phase, 22) + [p50, p95, max].map((value) => number(value?.toFixed(1) ?? "-")).join("");
    }),
    "",
    ...answeredLines(document),
  ];
}

/** Who answered how often; the busiest servers of a large pool. */
function answeredLines({ answered_by: by }: DrillDocument): string[] {
  const names = [...new Set(phases.flatMap((phase) => Object.keys(by[phase])))];
  const total = (name: string): number => phases.reduce((sum, phase) => sum + (by[phase][name] ?? 0), 0);
  const shown = names.toSorted((a, b) => total(b) - total(a)).slice(0, 12);
  if (shown.length === 0) return ["No answer named its server (X-Server)."];
  return [
    style.dim(fit("answered by", 22) + phases.map(number).join("")),
    ...shown
      .toSorted()
      .map((name) => fitName(name, 22) + phases.map((phase) => number(by[phase][name] ?? 0)).join("")),
    ...(names.length > shown.length ? [`and ${names.length - shown.length} more servers`] : []),
  ];
}

function number(value: string | number): string {
  return String(value).padStart(10);
}

function whenLines({ timeline }: DrillDocument): string[] {
  if (timeline.length === 0) return [];
  return ["", ...timeline.map(({ at_ms, what }) => cut(`${seconds(at_ms).padStart(8)} s  ${what}`, width))];
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}

function row(name: string, text: string): string {
  return cut(`${fit(name, 11)} ${text}`, width);
}

/** A line of progress for a person to read; null for what only a live counter shows. */
export function drillEventLine(event: DrillEvent): string | null {
  switch (event.kind) {
    case "steady":
      return `steady: all ${event.servers} servers UP on ${event.loadBalancers.join(", ")}`;
    case "load":
      return `load: ${event.rate} requests/s to ${event.url}`;
    case "progress":
      return null;
    case "kill":
      return (
        style.yellow(`kill ${event.server}: ${event.command}`) + style.dim(`\n  undo: ${event.reviveCommand}`)
      );
    case "down":
      return `HAProxy marked ${event.server} DOWN, ${duration(event.sinceKillMs)} after the kill`;
    case "revive":
      return `revive ${event.server}${event.attempt > 1 ? ` (attempt ${event.attempt})` : ""}`;
    case "revive-failed":
      return event.retryMs === null
        ? style.red(`could not revive: ${event.why}`)
        : style.yellow(`could not revive: ${event.why}; again in ${duration(event.retryMs)}`);
    case "revived":
      return `${event.server} is starting`;
    case "up":
      return style.green(`HAProxy marked ${event.server} UP, ${duration(event.sinceReviveMs)} later`);
    case "trouble":
      return style.red(event.what);
  }
}
