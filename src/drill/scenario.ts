import type { Connection } from "../model/fleet.ts";
/** Numbers of HAProxy's health checks, as the configuration sets them. */
export interface CheckNumbers {
  readonly intervalMs: number;
  readonly fastIntervalMs: number;
  readonly timeoutMs: number;
  readonly fall: number;
  readonly rise: number;
}

/** How the victim dies and comes back, as data. */
export type FaultPlan =
  | {
      readonly kind: "incus";
      readonly instance: string;
      readonly project: string;
      readonly remote: string | null;
    }
  | {
      readonly kind: "systemd";
      readonly host: string;
      readonly connection: Connection;
      readonly unit: string;
    }
  | { readonly kind: "commands"; readonly kill: readonly string[]; readonly revive: readonly string[] };

/** Where the load goes. */
export interface LoadTarget {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Sent as Host where the pool is chosen by name. */
  readonly hostHeader: string | null;
  /** Each request has its own path below `path`, so that a hash of the URI reaches every server. */
  readonly spread: boolean;
}

/** A failover drill, fully decided: nothing in it is looked up later. */
export interface FailoverScenario {
  readonly pool: string;
  /** The victim's name, in the inventory and in HAProxy. */
  readonly server: string;
  /** Inventory names; the first one carries the load. */
  readonly loadBalancers: readonly string[];
  readonly target: LoadTarget;
  /** Path of the direct probe on the victim. */
  readonly probePath: string;
  readonly checks: CheckNumbers;
  readonly fault: FaultPlan;
  /** Requests per second. */
  readonly rate: number;
  readonly beforeMs: number;
  /** How long the load goes on after the victim was seen DOWN. */
  readonly downMs: number;
  readonly afterMs: number;
  readonly recoverLimitMs: number;
  readonly requestTimeoutMs: number;
  /** A request sent this much after it was due is the generator's own delay. */
  readonly lateAfterMs: number;
  /** HAProxy's admin socket on the load balancers. */
  readonly socket: string;
}

/** A term of the longest time that HAProxy's checks may need to see a dead server. */
export interface BoundTerm {
  readonly term: string;
  readonly ms: number;
}

/** One check just before the fault succeeds; then `fall` checks fail, each as late as its timeout allows. */
export function detectBound(checks: CheckNumbers): {
  readonly ms: number;
  readonly terms: readonly BoundTerm[];
} {
  const terms = [
    { term: `inter ${checks.intervalMs} ms`, ms: checks.intervalMs },
    {
      term: `fall ${checks.fall} x check timeout ${checks.timeoutMs} ms`,
      ms: checks.fall * checks.timeoutMs,
    },
    {
      term: `(fall ${checks.fall} - 1) x fastinter ${checks.fastIntervalMs} ms`,
      ms: (checks.fall - 1) * checks.fastIntervalMs,
    },
    { term: "200 ms to see it from here", ms: 200 },
  ];
  return { ms: terms.reduce((sum, { ms }) => sum + ms, 0), terms };
}
