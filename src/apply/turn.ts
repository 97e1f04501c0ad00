import type { LeaseClaim } from "./lease.ts";

/** One host's part where leases are taken in order, and nobody begins before all are held. */
export interface Turn {
  readonly claim: LeaseClaim;
  /**
   * To be called when all that comes before the lease is done. Resolves when it may be taken: with the milliseconds to
   * wait for whoever has it, or null to let it be.
   */
  readonly arrive: () => Promise<number | null>;
  /** To be called when the lease is held, and the host is as it was when it was looked at. */
  readonly held: () => void;
  /** Resolves with whether to begin, or to let the lease go. */
  readonly toBegin: Promise<boolean>;
}

/** That of a host which waits for no other. */
export function alone(claim: LeaseClaim, waitMs = 0): Turn {
  return {
    claim,
    arrive: () => Promise.resolve(waitMs),
    held: () => undefined,
    toBegin: Promise.resolve(true),
  };
}
