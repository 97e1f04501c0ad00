import type { Remote } from "../remote/port.ts";
import type { OnDrillEvent } from "./events.ts";
import type { Fault, FaultDeps } from "./fault.ts";
import type { FailoverScenario } from "./scenario.ts";
import type { Timeline } from "./timeline.ts";

export interface FailoverDeps extends FaultDeps {
  readonly remote: (host: string) => Remote;
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
}

/** What the steps of a drill share. */
export interface Drill {
  readonly scenario: FailoverScenario;
  readonly deps: FailoverDeps;
  readonly fault: Fault;
  readonly timeline: Timeline;
  readonly onEvent: OnDrillEvent;
  readonly signal: AbortSignal;
}
