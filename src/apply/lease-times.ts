import { LbctlError } from "../errors.ts";

/** How often lbctl gives a sign of life, and after how long a silence its lease ends. */
export interface LeaseTimes {
  readonly beatMs: number;
  readonly ttlMs: number;
}

/** Signs of life that must fail to come in a row: one that is late, or a busy machine, ends no lease. */
const leastRatio = 12;

/**
 * 5 s and 60 s, or what the variable LBCTL_LEASE_MS says as `BEAT,TTL`, which is for tests. Throws LbctlError `invalid`
 * for a ratio below 12.
 */
export function leaseTimes(written = process.env.LBCTL_LEASE_MS): LeaseTimes {
  if (written === undefined || written === "") return { beatMs: 5000, ttlMs: 60_000 };
  const [, beat, ttl] = /^(\d{1,7}),(\d{1,8})$/.exec(written) ?? [];
  const [beatMs, ttlMs] = [Number(beat), Number(ttl)];
  if (beatMs > 0 && ttlMs >= leastRatio * beatMs) return { beatMs, ttlMs };
  throw new LbctlError("invalid", {
    what: `LBCTL_LEASE_MS is ${written}: it must be BEAT,TTL in milliseconds, and TTL at least ${String(leastRatio)} times BEAT`,
    hint: "Unset it: 5000,60000 is right for all but tests. Nothing was touched.",
  });
}
