import { setTimeout as sleep } from "node:timers/promises";
import { LbctlError } from "../errors.ts";
import type { Load } from "../model/drain.ts";
import type { Remote } from "../remote/port.ts";
import { readLoad } from "./sessions.ts";

const pauseMs = 500;

/** Servers of one load balancer that drain. */
export interface Draining {
  readonly remote: Remote;
  /** `pool/server`. */
  readonly servers: readonly string[];
}

export interface EmptyWait {
  /** Does the work for each, so many at a time as the operator allows, and keeps their order. */
  readonly each: <In, Out>(items: readonly In[], work: (item: In) => Promise<Out>) => Promise<Out[]>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told what is left on those that are waited for, before each pause. */
  readonly onWait: (left: readonly { readonly host: string; readonly load: Load }[], leftMs: number) => void;
}

/** How the wait ended on one load balancer: `lost` when a server takes new clients again. */
export interface Emptied {
  readonly end: "empty" | "deadline" | "interrupted" | "lost";
  readonly load: Load;
  /** Requests and connections that came since it began. */
  readonly arrived: number;
}

interface Watched {
  readonly draining: Draining;
  load: Load | null;
  arrived: number;
  /** None has come since the round before. */
  quiet: boolean;
  outcome: Emptied | LbctlError | null;
}

/**
 * Looks at all of them until in one round no server has a session in any worker, and none has come since the round
 * before; or the time is over. A client may move between load balancers, so none is empty alone. What ends on one for
 * another reason, the error of a look included, ends there, and the others are waited for.
 */
export async function waitUntilEmpty(
  drainings: readonly Draining[],
  { each, timeoutMs, signal, onWait }: EmptyWait,
): Promise<(Emptied | LbctlError)[]> {
  const deadline = performance.now() + timeoutMs;
  const watched = drainings.map((draining): Watched => ({
    draining,
    load: null,
    arrived: 0,
    quiet: false,
    outcome: null,
  }));
  for (;;) {
    await each(
      watched.filter(({ outcome }) => outcome === null),
      lookAgain,
    );
    const open = watched.filter(({ outcome }) => outcome === null);
    const leftMs = deadline - performance.now();
    const end = open.every(isEmpty)
      ? "empty"
      : signal.aborted
        ? "interrupted"
        : leftMs <= 0
          ? "deadline"
          : null;
    if (end !== null) {
      for (const one of open) endWith(one, end === "deadline" && isEmpty(one) ? "empty" : end);
      return watched.flatMap(({ outcome }) => outcome ?? []);
    }
    onWait(
      open.flatMap(({ draining, load }) => (load ? [{ host: draining.remote.host, load }] : [])),
      leftMs,
    );
    await sleep(Math.min(pauseMs, leftMs), undefined, { signal }).catch(() => undefined);
  }
}

async function lookAgain(one: Watched): Promise<void> {
  const { load: before, draining } = one;
  try {
    const load = await readLoad(draining.remote, draining.servers);
    one.load = load;
    one.quiet = before?.total === load.total;
    // a reload begins the count anew
    if (before) one.arrived += load.total < before.total ? load.total : load.total - before.total;
    if (load.up.length > 0) endWith(one, "lost");
  } catch (error) {
    if (!(error instanceof LbctlError)) throw error;
    one.outcome = error;
  }
}

function isEmpty({ load, quiet }: Watched): boolean {
  return quiet && load !== null && load.sessions + load.oldSessions + load.silent.length === 0;
}

function endWith(one: Watched, end: Emptied["end"]): void {
  if (one.load) one.outcome = { end, load: one.load, arrived: one.arrived };
}
