import { LbctlError } from "../errors.ts";
import type { Host } from "../model/fleet.ts";
import type { FleetOptions } from "./options.ts";

export interface DrainOptions extends FleetOptions {
  /** Seconds to wait for whoever is changing a host. */
  readonly lockWait?: number;
  readonly force?: boolean;
  readonly reason?: string;
  /** Seconds until the host makes the servers ready by itself. */
  readonly for?: number;
  /** Seconds to wait until the servers are empty; `haproxy_graceful_drain_seconds` when it is not told. */
  readonly timeout?: number;
  /** false with --no-wait. */
  readonly wait?: boolean;
  /** Maintenance when they are empty, or at the deadline. */
  readonly maint?: boolean;
}

/** Seconds: the longest wait of these load balancers, for none is empty alone. */
export function drainSeconds({ timeout }: Pick<DrainOptions, "timeout">, hosts: readonly Host[]): number {
  return timeout ?? Math.max(0, ...hosts.map(ownSeconds));
}

function ownSeconds({ vars }: Host): number {
  const value = vars.haproxy_graceful_drain_seconds?.value;
  if (typeof value === "number") return value;
  throw new Error("haproxy_graceful_drain_seconds was not checked");
}

/** Throws LbctlError `invalid` for options that contradict each other. */
export function refuseOptions(options: DrainOptions, hosts: readonly Host[]): void {
  const { wait, maint, timeout } = options;
  const pointless = wait === false ? [...(maint ? ["--maint"] : []), ...(timeout ? ["--timeout"] : [])] : [];
  const problems = pointless.map((flag) => ({
    what: `${flag} says what comes after the wait, and --no-wait that there is none`,
    hint:
      flag === "--maint"
        ? "`lbctl maint` takes a server into maintenance at once."
        : "Leave one of the two away.",
  }));
  if (problems.length > 0) throw new LbctlError("invalid", problems);
  const seconds = drainSeconds(options, hosts);
  if (!maint || options.for === undefined || options.for > seconds) return;
  throw new LbctlError("invalid", {
    what: `--for ${String(options.for)}s would be over before the maintenance begins: the wait takes ${String(seconds)} s`,
    hint: "Give --for more time, or the wait less with --timeout SECONDS.",
  });
}
