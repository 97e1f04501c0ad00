import { setTimeout as sleep } from "node:timers/promises";
import { LbctlError } from "../errors.ts";

const pauseMs = 1000;

export interface Wait<Seen> {
  /** 0 looks once. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told before each pause what was seen. */
  readonly onWait: (seen: Seen) => void;
}

/** Looks each second until it is good or the time is over; what was seen last. Throws LbctlError `interrupted`. */
export async function waitUntil<Seen>(
  look: () => Promise<Seen>,
  isGood: (seen: Seen) => boolean,
  { timeoutMs, signal, onWait }: Wait<Seen>,
): Promise<Seen> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    const leftMs = deadline - performance.now();
    if (isGood(seen) || leftMs <= 0) return seen;
    onWait(seen);
    await sleep(Math.min(pauseMs, leftMs), undefined, { signal }).catch(() => {
      throw new LbctlError("interrupted", { what: "stopped while waiting; nothing was touched" });
    });
  }
}
