import { setTimeout as sleep } from "node:timers/promises";
import type { Load } from "../model/drain.ts";
import type { Remote } from "../remote/port.ts";
import { readLoad } from "./sessions.ts";

const pauseMs = 500;

export interface EmptyWait {
  readonly servers: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told what is left, before each pause. */
  readonly onWait: (load: Load, leftMs: number) => void;
}

/** How the wait ended: `lost` when a server takes new clients again. */
export interface Emptied {
  readonly end: "empty" | "deadline" | "interrupted" | "lost";
  readonly load: Load;
  /** Requests and connections that came since it began. */
  readonly arrived: number;
}

/** Looks until the servers have no session in any worker, and none has come since the look before; or the time is over. */
export async function waitUntilEmpty(
  remote: Remote,
  { servers, timeoutMs, signal, onWait }: EmptyWait,
): Promise<Emptied> {
  const deadline = performance.now() + timeoutMs;
  let load = await readLoad(remote, servers);
  let arrived = 0;
  for (let quiet = false; ;) {
    const leftMs = deadline - performance.now();
    const end =
      load.up.length > 0
        ? "lost"
        : quiet && load.sessions + load.oldSessions === 0
          ? "empty"
          : signal.aborted
            ? "interrupted"
            : leftMs <= 0
              ? "deadline"
              : null;
    if (end !== null) return { end, load, arrived };
    onWait(load, leftMs);
    await sleep(Math.min(pauseMs, leftMs), undefined, { signal }).catch(() => undefined);
    const next = await readLoad(remote, servers);
    quiet = next.total === load.total;
    // a reload begins the count anew
    arrived += next.total < load.total ? next.total : next.total - load.total;
    load = next;
  }
}
