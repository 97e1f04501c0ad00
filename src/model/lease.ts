import type { Undecided } from "./undecided.ts";

/** What a lease is taken for. */
export type LeaseReason = "apply" | "rollback" | "release" | "drill";

/** Who may change a host, as the host has it. */
interface Lease {
  /** One for all hosts of a command. */
  readonly id: string;
  /** `user@machine`. */
  readonly owner: string;
  readonly reason: string;
  /** RFC 3339, by the host's clock; for people. */
  readonly since: string;
  readonly heldMs: number;
  /** Since the last sign of life. */
  readonly silentMs: number;
  /** The swap has begun, so it goes to its end whatever becomes of the lease. */
  readonly committing: boolean;
}

/** `stale`: its holder is there, but nothing was heard for so long that the next one may take it. */
export interface HostLease {
  readonly host: string;
  readonly state: "none" | "held" | "stale";
  readonly lease: Lease | null;
  /** Left by whoever had the lease before, or made by whoever has it now. */
  readonly undecided: Undecided | null;
}
