import type { LbctlError } from "../errors.ts";

/** What an operator may make of a server while HAProxy runs. */
export type AdminState = "ready" | "drain" | "maint";

/** Who took a server from its load, as that host has it. */
export interface Drain {
  /** `pool/server`. */
  readonly server: string;
  readonly state: "drain" | "maint";
  /** `user@machine`. */
  readonly by: string;
  readonly reason: string | null;
  readonly sinceSeconds: number;
  /** Until the host makes it ready by itself; 0 where that is overdue, null where it does not. */
  readonly leftSeconds: number | null;
}

/** What some servers still have on one load balancer. */
export interface Load {
  /** Open in the current worker. */
  readonly sessions: number;
  /** Open in workers that a reload has left to end; the current one cannot see them. */
  readonly oldSessions: number;
  /** Process ids of such workers that live and do not answer, or `master`: what they have is not known. */
  readonly silent: readonly string[];
  /** Sent to them since the current worker began. */
  readonly total: number;
  /** Those that take new clients. */
  readonly up: readonly string[];
}

/** What became of servers on one load balancer. */
export interface DrainOutcome {
  readonly host: string;
  /** As they read back, or as they were left. */
  readonly servers: readonly {
    readonly name: string;
    /** In HAProxy's words. */
    readonly status: string;
    /** Why it was left as it was. */
    readonly why?: string;
  }[];
  /** Null where it was not asked for. */
  readonly load: Load | null;
  /** Why nothing was done there, where that is not its own failure. */
  readonly why: string | null;
  readonly error: LbctlError | null;
}
