import { setTimeout as sleep } from "node:timers/promises";
import { LbctlError } from "../errors.ts";
import type { OnDrillEvent } from "./events.ts";
import type { Fault } from "./fault.ts";

/** Pauses before another attempt: an instance that is still stopping needs a moment. */
const pausesMs = [500, 1000, 2000, 4000];

/**
 * Brings the victim back, trying up to five times. Nothing interrupts it.
 * Throws LbctlError `partial` with the exact command for the operator when it stays down.
 */
export async function reviveVictim(
  server: string,
  fault: Fault,
  onEvent: OnDrillEvent,
  pauses: readonly number[] = pausesMs,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    onEvent({ kind: "revive", server, attempt });
    try {
      await fault.revive();
      onEvent({ kind: "revived", server });
      return;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const pause = pauses[attempt - 1];
      onEvent({ kind: "revive-failed", why, retryMs: pause ?? null });
      if (pause === undefined)
        throw new LbctlError(
          "partial",
          {
            what: `${server} IS STILL DOWN: the drill killed it and could not bring it back: ${why}`,
            at: server,
            hint: `Run this now: ${fault.reviveCommand}`,
          },
          { cause: error },
        );
      await sleep(pause);
    }
  }
}
