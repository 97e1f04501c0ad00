import { setTimeout as sleep } from "node:timers/promises";
import { LbctlError } from "../errors.ts";
import { makeDrillDocument, urlOf, type DrillDocument } from "./document.ts";
import type { OnDrillEvent } from "./events.ts";
import { isDown, samplesOf, type Evidence } from "./evidence.ts";
import type { Drill, FailoverDeps } from "./drill.ts";
import { makeFault } from "./make-fault.ts";
import { startInstruments } from "./instruments.ts";
import { reviveVictim } from "./revive.ts";
import { detectBound, type FailoverScenario } from "./scenario.ts";
import { observeSteadyState, poolProblem, refuseUnsafeFault, type SteadyState } from "./steady.ts";
import { Timeline, type DrillRecord, type StepName } from "./timeline.ts";
import { steadyProblems, unsoundLoad } from "./verdict.ts";

export interface DrillResult {
  readonly document: DrillDocument;
  readonly evidence: Evidence;
}

/**
 * Kills one server of a pool under load and measures what clients see. The victim is always revived,
 * whatever happens in between.
 * Throws LbctlError `rejected` when the fault would be an outage, `unreachable` when a load balancer cannot
 * be reached at the start, `interrupted` when the signal fired, `partial` when the victim stayed down.
 */
export async function runFailoverDrill(
  scenario: FailoverScenario,
  deps: FailoverDeps,
  onEvent: OnDrillEvent,
  signal: AbortSignal,
): Promise<DrillResult> {
  const fault = makeFault(scenario.fault, deps);
  const timeline = new Timeline();
  const steadyBefore = await awaitSteadyState(scenario, deps, signal);
  refuseUnsafeFault(scenario, steadyBefore);
  const conclude = (obstacle: string | null, steadyAfter: readonly SteadyState[] | null): DrillResult => {
    const { killCommand, reviveCommand } = fault;
    const { records } = timeline;
    const evidence = { scenario, killCommand, reviveCommand, steadyBefore, steadyAfter, records, obstacle };
    return { document: makeDrillDocument(evidence), evidence };
  };

  const unsteady = steadyProblems(steadyBefore);
  if (unsteady.length > 0) return conclude(`nothing was killed: ${unsteady.join("; ")}`, null);
  const unprepared = await failure(() => fault.prepare());
  if (unprepared !== null) return conclude(`nothing was killed: ${unprepared}`, null);
  stopIfAborted(signal, "nothing was killed");
  onEvent({
    kind: "steady",
    loadBalancers: scenario.loadBalancers,
    servers: steadyBefore[0]?.servers.length ?? 0,
  });

  const drill: Drill = { scenario, deps, fault, timeline, onEvent, signal };
  const instruments = startInstruments(drill, steadyBefore[0]);
  let obstacle: string | null;
  try {
    await timeline.next(firstSample, { timeoutMs: 10_000, signal });
    await instruments.startLoad();
    mark(drill, "load-started");
    onEvent({ kind: "load", url: urlOf(scenario.target), rate: scenario.rate });
    await hold(drill, scenario.beforeMs);
    stopIfAborted(signal, "nothing was killed");
    const unsound = unsoundLoad(conclude(null, null).evidence);
    obstacle = unsound ?? unsteadyNow(drill) ?? (await failOver(drill));
    if (obstacle === null) await hold(drill, scenario.afterMs);
    stopIfAborted(signal, obstacle ?? `${scenario.server} was revived`);
  } finally {
    await instruments.stop();
    mark(drill, "load-stopped");
  }
  return conclude(obstacle, await observeAgain(drill));
}

const firstSample = (record: DrillRecord): true | null =>
  record.kind === "sample" || record.kind === "watch-lost" ? true : null;

/** Kill, see it DOWN, let the load go on, revive, see it UP. Returns why the fault could not be made, or null. */
async function failOver(drill: Drill): Promise<string | null> {
  const { scenario, fault, timeline, onEvent, signal } = drill;
  const { server } = scenario;
  let obstacle: string | null = null;
  try {
    onEvent({ kind: "kill", server, command: fault.killCommand, reviveCommand: fault.reviveCommand });
    const issuedMs = mark(drill, "kill-issued");
    // The signal does not cut the kill short: half a kill is harder to revive than a whole one.
    obstacle = await failure(() => fault.kill());
    if (obstacle === null) {
      mark(drill, "kill-done");
      const down = await seeVictim(drill, "down", issuedMs, 2 * detectBound(scenario.checks).ms + 5000);
      if (down) await timeline.next(alarm(drill), { timeoutMs: scenario.downMs, signal });
    }
  } finally {
    mark(drill, "revive-issued");
    await reviveVictim(server, fault, onEvent);
    mark(drill, "revive-done");
  }
  stopIfAborted(signal, `${server} was revived`);
  await seeVictim(drill, "up", drill.deps.now(), scenario.recoverLimitMs);
  return obstacle === null ? null : `the fault could not be made: ${obstacle}`;
}

/** Waits until HAProxy says that the victim is down or up. Gives up early when the alarm rings. */
async function seeVictim(
  drill: Drill,
  want: "down" | "up",
  sinceMs: number,
  timeoutMs: number,
): Promise<boolean> {
  const { scenario, timeline, onEvent, signal } = drill;
  const { server } = scenario;
  if (timeline.records.some(({ kind }) => kind === "watch-lost")) return false;
  const rings = alarm(drill);
  const seen = await timeline.next(
    (record) => {
      if (record.kind !== "sample") return rings(record);
      const victim = record.servers.find(({ name }) => name === server);
      return victim && (want === "down" ? isDown(victim) : victim.up) ? record : rings(record);
    },
    { timeoutMs, signal, sinceMs },
  );
  if (typeof seen === "string") onEvent({ kind: "trouble", what: seen });
  if (seen === null || typeof seen === "string") return false;
  const tookMs = seen.atMs - sinceMs;
  onEvent(
    want === "down"
      ? { kind: "down", server, sinceKillMs: tookMs }
      : { kind: "up", server, sinceReviveMs: tookMs },
  );
  return true;
}

/** Rings, with words, when nobody can say any more how the victim is, or when clients get no answer at all. */
function alarm({ scenario }: Drill): (record: DrillRecord) => string | null {
  let silentSinceMs: number | null = null;
  let failedInARow = 0;
  return (record) => {
    switch (record.kind) {
      case "watch-lost":
        return `the link to the load balancer was lost: ${record.why}`;
      case "silent":
        silentSinceMs ??= record.atMs;
        return record.atMs - silentSinceMs > 5000 ? `HAProxy has been silent for 5 s: ${record.why}` : null;
      case "sample":
        silentSinceMs = null;
        return null;
      case "request":
        failedInARow = record.failure === null ? 0 : failedInARow + 1;
        return failedInARow >= 2 * scenario.rate
          ? `no request was answered for 2 s: ${record.failure ?? ""}`
          : null;
      case "probe":
      case "step":
        return null;
    }
  };
}

function mark(drill: Drill, step: StepName): number {
  const atMs = drill.deps.now();
  drill.timeline.add({ kind: "step", atMs, step });
  return atMs;
}

/** Lets the load go on; ends early when the drill is interrupted. */
async function hold({ timeline, signal }: Drill, timeoutMs: number): Promise<void> {
  await timeline.next(() => null, { timeoutMs, signal });
}

function stopIfAborted(signal: AbortSignal, what: string): void {
  if (signal.aborted) throw new LbctlError("interrupted", { what: `the drill was interrupted; ${what}` });
}

async function failure(action: () => Promise<void>): Promise<string | null> {
  try {
    await action();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Looks until every server has been checked, or one is down, or checks have had time enough to say so. */
async function awaitSteadyState(
  scenario: FailoverScenario,
  deps: FailoverDeps,
  signal: AbortSignal,
): Promise<readonly SteadyState[]> {
  const deadline = deps.now() + scenario.checks.intervalMs + detectBound(scenario.checks).ms;
  for (;;) {
    const states = await observeAll(scenario, deps, signal);
    const settling =
      states.some((state) => state.settling) &&
      states.every((state) => state.settling || state.problem === null);
    if (!settling || deps.now() > deadline) return states;
    await sleep(300);
  }
}

/** The pool may have changed while the load ran; its last sample says so. */
function unsteadyNow({ scenario, timeline }: Drill): string | null {
  const last = samplesOf(timeline.records).at(-1);
  const problem = last ? poolProblem(scenario.pool, last.servers) : "HAProxy said nothing";
  return problem === null ? null : `nothing was killed: ${problem}`;
}

async function observeAll(
  scenario: FailoverScenario,
  deps: FailoverDeps,
  signal?: AbortSignal,
): Promise<readonly SteadyState[]> {
  return Promise.all(
    scenario.loadBalancers.map((host) => observeSteadyState(deps.remote(host), scenario, signal)),
  );
}

/** null when a load balancer cannot be asked any more. */
async function observeAgain({ scenario, deps, onEvent }: Drill): Promise<readonly SteadyState[] | null> {
  try {
    return await observeAll(scenario, deps);
  } catch (error) {
    onEvent({ kind: "trouble", what: error instanceof Error ? error.message : String(error) });
    return null;
  }
}
