import type { Evidence } from "../../src/drill/evidence.ts";
import type { FailoverScenario } from "../../src/drill/scenario.ts";
import type { DrillRecord, RequestRecord, SampleRecord, StepName } from "../../src/drill/timeline.ts";
import { isUp, type ServerStat } from "../../src/haproxy/stat.ts";

export const scenario: FailoverScenario = {
  pool: "api_pool",
  server: "web-2",
  loadBalancers: ["lb-1"],
  target: { host: "127.0.0.1", port: 80, path: "/api/v1/drill", hostHeader: null, spread: false },
  probePath: "/health",
  checks: { intervalMs: 1000, fastIntervalMs: 300, timeoutMs: 1000, fall: 3, rise: 2 },
  fault: { kind: "commands", kill: ["kill-it"], revive: ["revive-it"] },
  rate: 100,
  beforeMs: 3000,
  downMs: 3000,
  afterMs: 3000,
  recoverLimitMs: 60_000,
  requestTimeoutMs: 10_000,
  lateAfterMs: 10,
  socket: "/run/haproxy/admin.sock",
};

export function server(name: string, status: string, over: Partial<ServerStat> = {}): ServerStat {
  return {
    pool: "api_pool",
    name,
    status,
    up: isUp(status),
    check: { status: "L7OK", code: 200, durationMs: 1, lastReason: "" },
    address: "127.0.0.1:8080",
    tracks: "",
    cookie: "",
    backup: false,
    weight: 1,
    sessions: 0,
    totalSessions: 0,
    queue: 0,
    sinceSeconds: 1,
    retries: 0,
    redispatches: 0,
    ...over,
  };
}

/** What one load balancer says of the pool web-1, web-2. */
export function sample(atMs: number, victim: string, over: Partial<ServerStat> = {}): SampleRecord {
  return { kind: "sample", atMs, servers: [server("web-1", "UP"), server("web-2", victim, over)] };
}

export function step(name: StepName, atMs: number): DrillRecord {
  return { kind: "step", step: name, atMs };
}

export function get(intendedMs: number, over: Partial<RequestRecord> = {}): RequestRecord {
  const doneMs = intendedMs + 5;
  return {
    kind: "request",
    intendedMs,
    sentMs: intendedMs,
    doneMs,
    kept: false,
    failure: null,
    server: "web-1",
    ...over,
  };
}

/** A drill that passed: killed at 3000, last good probe at 3040, DOWN at 5000, revived at 8000, UP at 10 000. */
export const passedRecords: readonly DrillRecord[] = [
  step("load-started", 0),
  sample(10, "UP"),
  ...[2980, 3000, 3020, 3040].map((sentMs) => ({ kind: "probe" as const, sentMs, ok: true })),
  { kind: "probe", sentMs: 3060, ok: false },
  step("kill-issued", 3000),
  step("kill-done", 3100),
  sample(4000, "UP 1/3"),
  sample(5000, "DOWN", { redispatches: 40 }),
  step("revive-issued", 8000),
  sample(9000, "DOWN 1/2", { redispatches: 41 }),
  { kind: "probe", sentMs: 9500, ok: true },
  sample(10_000, "UP", { redispatches: 41, retries: 1 }),
  ...Array.from({ length: 1300 }, (_, n) => get(n * 10)),
  step("load-stopped", 13_000),
];

/** Evidence of a drill that passed, but for what is said otherwise. */
export function evidence(over: Partial<Evidence> = {}): Evidence {
  const state = {
    host: "lb-1",
    pid: 7,
    servers: [server("web-1", "UP"), server("web-2", "UP")],
    problem: null,
    settling: false,
  };
  return {
    scenario,
    killCommand: "kill-it",
    reviveCommand: "revive-it",
    steadyBefore: [state],
    steadyAfter: [state],
    records: passedRecords,
    obstacle: null,
    ...over,
  };
}
