import type { ServerStat } from "../haproxy/stat.ts";
import type { FailoverScenario } from "./scenario.ts";
import type { SteadyState } from "./steady.ts";
import type { DrillRecord, RequestRecord, SampleRecord, StepName } from "./timeline.ts";

/** Everything a verdict is made from: what was to be done, and what happened. Data only. */
export interface Evidence {
  readonly scenario: FailoverScenario;
  readonly killCommand: string;
  readonly reviveCommand: string;
  readonly steadyBefore: readonly SteadyState[];
  /** null when the drill ended before it could be asked. */
  readonly steadyAfter: readonly SteadyState[] | null;
  readonly records: readonly DrillRecord[];
  /** Why the fault was not made, or could not be; null when it was. */
  readonly obstacle: string | null;
}

export type Phase = "before" | "during" | "after";

/** The moments that divide a drill; null for what did not happen. */
export interface Marks {
  readonly loadStartedMs: number;
  readonly killIssuedMs: number | null;
  readonly killDoneMs: number | null;
  /** The victim stopped answering: its last good answer to a direct probe, else the kill command. */
  readonly faultMs: number | null;
  /** The victim went on answering its probe after the kill command: the fault did not take. */
  readonly survived: boolean;
  readonly faultFrom: "probe" | "kill-command";
  readonly downMs: number | null;
  /** The victim was UP again before anybody revived it. */
  readonly returnedMs: number | null;
  readonly reviveIssuedMs: number | null;
  readonly upMs: number | null;
  readonly endMs: number;
}

export function marksOf({ records, scenario }: Evidence): Marks {
  const step = (name: StepName): number | null => {
    const found = records.find((record) => record.kind === "step" && record.step === name);
    return found?.kind === "step" ? found.atMs : null;
  };
  const killIssuedMs = step("kill-issued");
  const reviveIssuedMs = step("revive-issued");
  const victim = samplesOf(records).flatMap((sample) => {
    const server = sample.servers.find(({ name }) => name === scenario.server);
    return server ? [{ atMs: sample.atMs, server }] : [];
  });
  const downMs =
    killIssuedMs === null
      ? null
      : (victim.find(({ atMs, server }) => atMs >= killIssuedMs && isDown(server))?.atMs ?? null);
  const upMs =
    downMs === null || reviveIssuedMs === null
      ? null
      : (victim.find(({ atMs, server }) => atMs >= reviveIssuedMs && server.up)?.atMs ?? null);
  const returnedMs =
    downMs === null
      ? null
      : (victim.find(({ atMs, server }) => atMs > downMs && atMs < (reviveIssuedMs ?? Infinity) && server.up)
          ?.atMs ?? null);
  return {
    loadStartedMs: step("load-started") ?? 0,
    killIssuedMs,
    killDoneMs: step("kill-done"),
    ...faultOf(records, killIssuedMs, downMs ?? reviveIssuedMs ?? Infinity, downMs !== null),
    downMs,
    returnedMs,
    reviveIssuedMs,
    upMs,
    endMs: step("load-stopped") ?? 0,
  };
}

export function isDown(server: ServerStat): boolean {
  return server.status.startsWith("DOWN");
}

/** A probe counts from when it was sent: the victim still lived then, so detection never looks faster than it was. */
function faultOf(
  records: readonly DrillRecord[],
  killIssuedMs: number | null,
  seenMs: number,
  down: boolean,
): Pick<Marks, "faultMs" | "faultFrom" | "survived"> {
  if (killIssuedMs === null) return { faultMs: null, faultFrom: "kill-command", survived: false };
  const good = records
    .filter((record) => record.kind === "probe")
    .filter(({ ok, sentMs }) => ok && sentMs < seenMs);
  const reachable = good.some(({ sentMs }) => sentMs < killIssuedMs);
  if (!reachable) return { faultMs: killIssuedMs, faultFrom: "kill-command", survived: false };
  const last = Math.max(...good.slice(-100).map(({ sentMs }) => sentMs));
  const survived = !down && last > seenMs - 1000;
  return { faultMs: survived ? null : Math.max(last, killIssuedMs), faultFrom: "probe", survived };
}

export function requestsOf(records: readonly DrillRecord[]): RequestRecord[] {
  return records.filter((record) => record.kind === "request");
}

export function samplesOf(records: readonly DrillRecord[]): SampleRecord[] {
  return records.filter((record) => record.kind === "sample");
}

/** By when a request was due: up to the kill, up to the victim's return, and then. */
export function phaseOf(request: RequestRecord, marks: Marks): Phase {
  if (marks.killIssuedMs === null || request.intendedMs < marks.killIssuedMs) return "before";
  return marks.upMs === null || request.intendedMs < marks.upMs ? "during" : "after";
}

/** The share of requests that the generator itself sent late. */
export function lateShare({ records, scenario }: Pick<Evidence, "records" | "scenario">): number {
  const requests = requestsOf(records);
  const late = requests.filter(({ intendedMs, sentMs }) => sentMs - intendedMs > scenario.lateAfterMs).length;
  return requests.length === 0 ? 0 : late / requests.length;
}

/** HAProxy's own count of repeated attempts between the first and the last sample, on any server of the pool. */
export function retriedBetween(samples: readonly SampleRecord[]): number {
  const total = (sample: SampleRecord | undefined): number =>
    (sample?.servers ?? []).reduce((sum, server) => sum + server.retries + server.redispatches, 0);
  return Math.max(0, total(samples.at(-1)) - total(samples[0]));
}
