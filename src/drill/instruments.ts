import type { Drill } from "./drill.ts";
import { getOnce, startLoad, type Load } from "./load.ts";
import { startProbe } from "./probe.ts";
import { detectBound, type FailoverScenario } from "./scenario.ts";
import type { SteadyState } from "./steady.ts";
import { startWatch } from "./watch.ts";

export interface Instruments {
  startLoad(): Promise<void>;
  /** Ends everything; what is under way is waited for, or dropped when the drill was interrupted. */
  stop(): Promise<void>;
}

/**
 * Starts the watch and the direct probe, and the load when told; all write what they see into the timeline.
 */
export function startInstruments(drill: Drill, steady: SteadyState | undefined): Instruments {
  const { scenario, deps, timeline, onEvent, signal } = drill;
  const { now } = deps;
  const counts = { sent: 0, failed: 0 };
  const watch = startWatch({
    remote: deps.remote(scenario.loadBalancers[0] ?? ""),
    pool: scenario.pool,
    socket: scenario.socket,
    seconds: longestSeconds(drill),
    onFrame: (frame) => {
      const atMs = now();
      if ("why" in frame) timeline.add({ kind: "silent", atMs, why: frame.why });
      else timeline.add({ kind: "sample", atMs, servers: frame.stats.servers });
    },
    onLost: (why) => {
      timeline.add({ kind: "watch-lost", atMs: now(), why });
    },
  });
  const probe = startProbe({
    address: steady?.servers.find(({ name }) => name === scenario.server)?.address ?? "",
    path: scenario.probePath,
    now,
    onResult: (record) => {
      timeline.add(record);
    },
  });
  let load: Load | null = null;
  const progress = setInterval(() => {
    if (load) onEvent({ kind: "progress", ...counts });
  }, 1000);
  return {
    async startLoad() {
      await warmUp(scenario);
      if (signal.aborted) return;
      load = startLoad({
        target: scenario.target,
        rate: scenario.rate,
        requestTimeoutMs: scenario.requestTimeoutMs,
        now,
        onDone: (record) => {
          timeline.add(record);
          counts.sent++;
          if (record.failure !== null) counts.failed++;
        },
      });
    },
    async stop() {
      clearInterval(progress);
      probe.stop();
      if (signal.aborted) load?.drop();
      else await load?.stop();
      await watch.stop();
    },
  };
}

/** A few requests that do not count, so that this process's first steps are not taken for the service's. */
async function warmUp(scenario: FailoverScenario): Promise<void> {
  for (let n = 0; n < 20; n++)
    await getOnce(scenario.target, n, false, Math.min(1000, scenario.requestTimeoutMs));
}

/** No drill lasts longer, so a watch that nobody could stop ends too. */
function longestSeconds({ scenario }: Drill): number {
  const { beforeMs, downMs, afterMs, recoverLimitMs } = scenario;
  return 300 + (beforeMs + downMs + afterMs + recoverLimitMs + detectBound(scenario.checks).ms) / 1000;
}
