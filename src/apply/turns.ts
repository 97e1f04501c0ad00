import { later } from "./later.ts";
import type { LeaseClaim } from "./lease.ts";
import type { Turn } from "./turn.ts";

/** Leases of several hosts: all or none. */
export interface Turns {
  readonly of: (host: string) => Turn;
  /** Resolves when the host has come to its turn. */
  readonly arrived: (host: string) => Promise<true>;
  /** To be called whenever the work on a host has ended, however it did. */
  readonly ended: () => void;
  /** Resolves with true when all are held; with false as soon as one cannot be had, and then none is begun. */
  readonly allHeld: Promise<boolean>;
  /** The host may begin, or must let its lease go. The first word counts. */
  readonly decide: (host: string, begin: boolean) => void;
}

/**
 * Everybody takes leases in the order of the hosts' names, one after another: so two who want some of the same hosts
 * meet at the first of these, and one of them gets all. `waitMs` is for all hosts together. One host alone waits for
 * nobody else.
 */
export function takeTurns(hosts: readonly string[], claim: LeaseClaim, waitMs: number): Turns {
  const order = [...hosts].sort((a, b) => (a < b ? -1 : 1));
  const turns = new Map(
    order.map((host) => [
      host,
      { arrived: later<true>(), take: later<number | null>(), begin: later<boolean>(), held: false },
    ]),
  );
  const all = later<boolean>();
  const deadline = performance.now() + waitMs;
  const turnOf = (host: string) => {
    const turn = turns.get(host);
    if (!turn) throw new Error(`${host} has no turn`);
    return turn;
  };
  let complete = false;
  const next = (): void => {
    const host = order.find((name) => !turnOf(name).held);
    complete = host === undefined;
    if (host === undefined) all.resolve(true);
    else turnOf(host).take.resolve(Math.max(0, deadline - performance.now()));
  };
  const giveUp = (): void => {
    all.resolve(false);
    for (const { take, begin } of turns.values()) {
      take.resolve(null);
      begin.resolve(false);
    }
  };
  next();
  if (order.length === 1) {
    complete = true;
    all.resolve(true);
    turnOf(order[0] ?? "").begin.resolve(true);
  }
  return {
    of: (host) => ({
      claim,
      arrive: () => {
        turnOf(host).arrived.resolve(true);
        return turnOf(host).take.promise;
      },
      toBegin: turnOf(host).begin.promise,
      held: () => {
        turnOf(host).held = true;
        next();
      },
    }),
    arrived: (host) => turnOf(host).arrived.promise,
    ended: () => {
      // one that was held may be lost before the last one is
      if (!complete) giveUp();
    },
    allHeld: all.promise,
    decide: (host, begin) => {
      turnOf(host).begin.resolve(begin);
    },
  };
}
