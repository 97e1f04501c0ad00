import { lateShare, marksOf, phaseOf, requestsOf, retriedBetween, samplesOf } from "./evidence.ts";
import type { Evidence, Marks, Phase } from "./evidence.ts";
import { detectBound, type BoundTerm, type LoadTarget } from "./scenario.ts";
import type { RequestRecord } from "./timeline.ts";
import { judge, type Verdict } from "./verdict.ts";

export interface LatencySummary {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly max: number | null;
}

/** The JSON of `lbctl drill failover`. Keys are only ever added; times are milliseconds, null when not seen. */
export interface DrillDocument {
  readonly format_version: 1;
  readonly drill: "failover";
  readonly verdict: Verdict;
  /** Empty when the drill passed. */
  readonly reasons: readonly string[];
  readonly pool: string;
  readonly server: string;
  /** The one that carried the load, and all that were asked for their steady state. */
  readonly load_balancer: string;
  readonly load_balancers: readonly string[];
  readonly url: string;
  readonly rate_per_second: number;
  readonly fault: {
    readonly kind: string;
    readonly kill_command: string;
    readonly revive_command: string;
    readonly made: boolean;
    /** What `time_to_detect_ms` counts from: the last good direct probe, or the kill command. */
    readonly measured_from: "probe" | "kill-command";
  };
  readonly requests: {
    readonly sent: number;
    readonly ok: number;
    readonly failed: number;
    /** Attempts that HAProxy repeated (`wretr` + `wredis`). */
    readonly retried: number;
    readonly failed_by_kind: Readonly<Record<string, number>>;
    readonly late_percent: number;
  };
  /** Requests by the server that answered them (its X-Server header). */
  readonly answered_by: Readonly<Record<Phase, Readonly<Record<string, number>>>>;
  readonly time_to_detect_ms: number | null;
  readonly detect_bound_ms: number;
  readonly detect_bound_terms: readonly BoundTerm[];
  readonly time_to_recover_ms: number | null;
  readonly recover_limit_ms: number;
  /** Of answered requests, from when they were due. */
  readonly latency_ms: Readonly<Record<Phase, LatencySummary>>;
  /** What happened, from the start of the load. */
  readonly timeline: readonly { readonly at_ms: number; readonly what: string }[];
}

const phases: readonly Phase[] = ["before", "during", "after"];

export function makeDrillDocument(evidence: Evidence): DrillDocument {
  const { scenario, records } = evidence;
  const marks = marksOf(evidence);
  const requests = requestsOf(records);
  const failed = requests.filter(({ failure }) => failure !== null);
  const of = (phase: Phase): RequestRecord[] =>
    requests.filter((request) => phaseOf(request, marks) === phase);
  const perPhase = <T>(make: (requests: readonly RequestRecord[]) => T): Record<Phase, T> => {
    const [before, during, after] = phases.map((phase) => make(of(phase))) as [T, T, T];
    return { before, during, after };
  };
  const bound = detectBound(scenario.checks);
  return {
    format_version: 1,
    drill: "failover",
    ...judge(evidence),
    pool: scenario.pool,
    server: scenario.server,
    load_balancer: scenario.loadBalancers[0] ?? "",
    load_balancers: scenario.loadBalancers,
    url: urlOf(scenario.target),
    rate_per_second: scenario.rate,
    fault: {
      kind: scenario.fault.kind,
      kill_command: evidence.killCommand,
      revive_command: evidence.reviveCommand,
      made: marks.killDoneMs !== null,
      measured_from: marks.faultFrom,
    },
    requests: {
      sent: requests.length,
      ok: requests.length - failed.length,
      failed: failed.length,
      retried: retriedBetween(samplesOf(records)),
      failed_by_kind: countBy(failed, ({ failure }) => failure),
      late_percent: round(lateShare(evidence) * 100),
    },
    answered_by: perPhase((list) => countBy(list, ({ server }) => server)),
    time_to_detect_ms: between(marks.faultMs, marks.downMs),
    detect_bound_ms: bound.ms,
    detect_bound_terms: bound.terms,
    time_to_recover_ms: between(marks.reviveIssuedMs, marks.upMs),
    recover_limit_ms: scenario.recoverLimitMs,
    latency_ms: perPhase(latency),
    timeline: timelineOf(evidence, marks),
  };
}

/** Nearest-rank percentiles. */
export function latency(requests: readonly RequestRecord[]): LatencySummary {
  const sorted = requests
    .filter(({ failure }) => failure === null)
    .map(({ doneMs, intendedMs }) => doneMs - intendedMs)
    .sort((a, b) => a - b);
  const rank = (share: number): number | null => {
    const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
    return value === undefined ? null : round(value);
  };
  return { p50: rank(0.5), p95: rank(0.95), max: rank(1) };
}

export function urlOf(target: LoadTarget): string {
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  return `http://${host}:${target.port}${target.path}${target.spread ? "/N" : ""}`;
}

function timelineOf({ records, scenario }: Evidence, marks: Marks): DrillDocument["timeline"] {
  const { server } = scenario;
  const fault = `${server} stops answering (${marks.faultFrom === "probe" ? "its last good probe" : "the kill command"})`;
  const entries: [number | null, string][] = [
    [marks.killIssuedMs, `kill ${server}`],
    [marks.faultMs, fault],
    [marks.downMs, `HAProxy marks ${server} DOWN`],
    [marks.returnedMs, `HAProxy marks ${server} UP, before the drill revived it`],
    [marks.reviveIssuedMs, `revive ${server}`],
    [marks.upMs, `HAProxy marks ${server} UP`],
  ];
  const silent = records.find((record) => record.kind === "silent");
  if (silent?.kind === "silent") entries.push([silent.atMs, `HAProxy does not answer: ${silent.why}`]);
  return entries
    .flatMap(([at, what]) => (at === null ? [] : [{ at_ms: Math.round(at - marks.loadStartedMs), what }]))
    .sort((a, b) => a.at_ms - b.at_ms);
}

function countBy<T>(list: readonly T[], key: (item: T) => string | null): Record<string, number> {
  const counts = new Map<string, number>();
  for (const item of list) {
    const name = key(item);
    if (name !== null) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => a.localeCompare(b)));
}

function between(from: number | null, to: number | null): number | null {
  return from === null || to === null ? null : Math.round(to - from);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
