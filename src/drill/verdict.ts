import { lateShare, marksOf, requestsOf, samplesOf, type Evidence } from "./evidence.ts";
import { detectBound } from "./scenario.ts";
import type { SteadyState } from "./steady.ts";

export type Verdict = "pass" | "fail" | "inconclusive";

export interface Judgement {
  readonly verdict: Verdict;
  /** Sentences; empty when the drill passed. */
  readonly reasons: readonly string[];
}

/** Judges a drill by its evidence alone. What failed outweighs what could not be told. */
export function judge(evidence: Evidence): Judgement {
  const unknown = whatCannotBeTold(evidence);
  const wrong = evidence.obstacle === null ? whatWentWrong(evidence) : [];
  // A generator that was late measured itself, so what it counted is told, but not held against the service.
  if (wrong.length > 0 && !generatorWasLate(evidence))
    return { verdict: "fail", reasons: [...wrong, ...unknown] };
  if (unknown.length > 0) return { verdict: "inconclusive", reasons: [...unknown, ...wrong] };
  return { verdict: "pass", reasons: [] };
}

/** Why the load so far proves nothing, so that nothing was killed; null when it is sound. */
export function unsoundLoad(evidence: Evidence): string | null {
  const why = whyUnsound(evidence);
  return why === null ? null : `nothing was killed: ${why}`;
}

function whyUnsound(evidence: Evidence): string | null {
  const requests = requestsOf(evidence.records);
  const failed = requests.filter(({ failure }) => failure !== null);
  const { server, pool } = evidence.scenario;
  // Few requests so far: a hiccup is judged at the end, over all of them.
  if (lateShare(evidence) > 0.1) return lateness(evidence);
  if (requests.length === 0) return "no request was answered before the fault";
  if (failed.length > 0)
    return `${failed.length} of ${requests.length} requests failed before any fault (${failed[0]?.failure ?? ""})`;
  const samples = samplesOf(evidence.records);
  const sessions = samples.map(
    (sample) => sample.servers.find(({ name }) => name === server)?.totalSessions ?? 0,
  );
  if (samples.length < 2) return "HAProxy's statistics did not arrive";
  if ((sessions.at(-1) ?? 0) <= (sessions[0] ?? 0))
    return `no request reached ${server}: the drill's URL does not lead to ${pool}`;
  return null;
}

function whatWentWrong(evidence: Evidence): string[] {
  const { scenario, steadyAfter } = evidence;
  const marks = marksOf(evidence);
  const reasons: string[] = [];
  const requests = requestsOf(evidence.records);
  const failed = requests.filter(({ failure }) => failure !== null).length;
  if (failed > 0) reasons.push(`${failed} of ${requests.length} requests failed`);
  const bound = detectBound(scenario.checks).ms;
  const watchLost = evidence.records.some(({ kind }) => kind === "watch-lost");
  if (marks.downMs === null) {
    if (!watchLost && !marks.survived) reasons.push(`HAProxy did not mark ${scenario.server} DOWN`);
  } else if (marks.faultMs !== null && marks.downMs - marks.faultMs > bound && !detectionUnclear(evidence)) {
    reasons.push(`detected after ${Math.round(marks.downMs - marks.faultMs)} ms, later than ${bound} ms`);
  }
  if (marks.downMs !== null && !watchLost) {
    const took =
      marks.upMs === null || marks.reviveIssuedMs === null ? null : marks.upMs - marks.reviveIssuedMs;
    if (took === null) reasons.push(`${scenario.server} was not seen UP again`);
    else if (took > scenario.recoverLimitMs)
      reasons.push(`${scenario.server} was UP again only after ${Math.round(took)} ms`);
  }
  reasons.push(...steadyProblems(steadyAfter ?? []).map((problem) => `after the drill, ${problem}`));
  return reasons;
}

function whatCannotBeTold(evidence: Evidence): string[] {
  const { obstacle, steadyBefore, steadyAfter, records } = evidence;
  if (obstacle !== null) return [obstacle];
  const reasons: string[] = [];
  if (generatorWasLate(evidence)) reasons.push(lateness(evidence));
  const { survived, returnedMs } = marksOf(evidence);
  const { server } = evidence.scenario;
  if (survived) reasons.push(`${server} went on answering after the kill command: ${evidence.killCommand}`);
  if (returnedMs !== null)
    reasons.push(`${server} was UP again before the drill revived it: something else starts it`);
  const lost = records.find((record) => record.kind === "watch-lost");
  if (lost?.kind === "watch-lost") reasons.push(`the link to the load balancer was lost: ${lost.why}`);
  if (steadyAfter === null) reasons.push("the load balancers could not be asked after the drill");
  for (const after of steadyAfter ?? []) {
    const before = steadyBefore.find(({ host }) => host === after.host);
    if (after.pid !== null && before && before.pid !== after.pid)
      reasons.push(`HAProxy on ${after.host} was reloaded or restarted during the drill`);
  }
  if (detectionUnclear(evidence))
    reasons.push(
      "the time to detect is unclear: the victim cannot be probed from here, and the kill command took longer than the bound allows for",
    );
  return reasons;
}

/** Without a probe the fault lies between the kill's start and its end; unclear when the bound lies there too. */
function detectionUnclear(evidence: Evidence): boolean {
  const { faultFrom, faultMs, downMs, killDoneMs } = marksOf(evidence);
  if (faultFrom === "probe" || faultMs === null || downMs === null) return false;
  const bound = detectBound(evidence.scenario.checks).ms;
  return downMs - faultMs > bound && downMs - Math.max(faultMs, killDoneMs ?? faultMs) <= bound;
}

export function steadyProblems(states: readonly SteadyState[]): string[] {
  return states.flatMap(({ host, problem }) => (problem === null ? [] : [`${host}: ${problem}`]));
}

function generatorWasLate(evidence: Evidence): boolean {
  return lateShare(evidence) > 0.01;
}

function lateness(evidence: Evidence): string {
  const { rate, lateAfterMs } = evidence.scenario;
  const percent = (lateShare(evidence) * 100).toFixed(1);
  return `the load generator was the bottleneck: ${percent}% of its requests left over ${lateAfterMs} ms late; try --rate ${Math.max(1, Math.floor(rate / 2))}`;
}
