/** A change of a host that nobody has confirmed yet, or whose revert is under way. */
export interface Undecided {
  readonly generation: number;
  readonly by: string;
  /** RFC 3339, by the clock of the machine that lbctl ran on. */
  readonly at: string;
  readonly reverting: boolean;
  /** Until the host reverts it by itself; 0 where that is overdue, e.g. since a reboot. */
  readonly leftSeconds: number;
}

/** In a sentence without its end. Pure. */
export function describeUndecided({ generation, by, at, reverting, leftSeconds }: Undecided): string {
  const change = `the change to generation ${String(generation)} by ${by} at ${at}`;
  if (reverting) return `${change} is being reverted`;
  if (leftSeconds === 0) return `${change} was never confirmed; the next change reverts it first`;
  return `${change} is not confirmed yet, and reverts by itself within ${String(leftSeconds)} s`;
}
