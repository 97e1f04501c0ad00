import type { LbctlError } from "../errors.ts";
import type { Emit } from "../model/events.ts";
import type { Remote } from "../remote/port.ts";
import { later } from "./later.ts";
import { awaitLease, type LeaseClaim } from "./lease.ts";
import { applyFunctions } from "./functions.ts";
import { runTransaction, scriptOf } from "./transaction.ts";
import type { Turn } from "./turn.ts";

export interface HoldOptions {
  readonly service: string;
  readonly claim: LeaseClaim;
  /** For whoever has a lease now; for all hosts together. */
  readonly waitMs: number;
  readonly emit: Emit;
  /** Ends the waiting; what is held stays. */
  readonly signal: AbortSignal;
  /** A lease ended before it was let go. */
  readonly onLost: (error: LbctlError) => void;
}

/** Lets go of a lease, or of several. Never throws. */
type LetGo = () => Promise<void>;

/**
 * Takes the leases of these hosts in the order of their names, all or none, and holds them until they are let go.
 * Throws LbctlError `busy`, `unreachable`, `interrupted`.
 */
export async function holdLeases(remotes: readonly Remote[], options: HoldOptions): Promise<LetGo> {
  const held: LetGo[] = [];
  const letGo = async (): Promise<void> => {
    await Promise.all(held.map((one) => one()));
  };
  const deadline = performance.now() + options.waitMs;
  try {
    for (const remote of [...remotes].sort((a, b) => (a.host < b.host ? -1 : 1))) {
      held.push(await holdOne(remote, Math.max(0, deadline - performance.now()), options));
    }
  } catch (error) {
    await letGo();
    throw error;
  }
  return letGo;
}

async function holdOne(
  remote: Remote,
  waitMs: number,
  { service, claim, emit, signal, onLost }: HoldOptions,
): Promise<LetGo> {
  const [held, toBegin] = [later<null>(), later<boolean>()];
  const waiting = new AbortController();
  const stop = (): void => {
    waiting.abort();
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const turn: Turn = {
    claim,
    arrive: () => Promise.resolve(waitMs),
    held: () => {
      held.resolve(null);
    },
    toBegin: toBegin.promise,
  };
  const make = () => Promise.resolve({ service, script, steps, question: "echo untouched" });
  const ended = runTransaction(remote, make, emit, waiting.signal, turn).then(({ error }) => error);
  const failure = await Promise.race([held.promise, ended]);
  signal.removeEventListener("abort", stop);
  if (failure) throw failure;
  void ended.then((error) => {
    if (error) onLost(error);
  });
  return async () => {
    toBegin.resolve(false);
    await ended;
  };
}

const steps = [{ name: "lease", text: "taking the lease", script: () => awaitLease("") }];
/** Nothing but the lease. */
const script = `${applyFunctions}\n${scriptOf(steps, null)}`;
