import { setTimeout as sleep } from "node:timers/promises";
import { LbctlError } from "../errors.ts";
import type { Member } from "./members.ts";

/** One of the two paths at which a demo backend answers health checks. */
const path = "/health";

/** The demo backends among `members` that give no good answer to a health check now. */
export async function findUnhealthy(members: readonly Member[]): Promise<readonly Member[]> {
  const backends = members.filter(({ port }) => port !== undefined);
  const healthy = await Promise.all(backends.map(isHealthy));
  return backends.filter((_, index) => !healthy[index]);
}

/** Throws LbctlError `bug` when some of `members` are still not healthy after `timeoutMs`. */
export async function waitUntilHealthy(
  members: readonly Member[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let waiting = members; waiting.length > 0;) {
    waiting = await findUnhealthy(waiting);
    if (waiting.length === 0) return;
    if (signal.aborted) {
      throw new LbctlError("interrupted", { what: "stopped while waiting for the demo backends" });
    }
    if (performance.now() > deadline) {
      const [first] = waiting;
      throw new LbctlError("bug", {
        what: `no answer to health checks: ${waiting.map(({ name, ip, port }) => `${name} (${ip}:${port ?? 0})`).join(", ")}`,
        hint: `Look at \`lbctl lab ssh ${first?.name ?? ""} systemctl status demo-backend\`.`,
      });
    }
    await sleep(100);
  }
}

async function isHealthy({ ip, port }: Member): Promise<boolean> {
  const url = `http://${ip}:${port ?? 0}${path}`;
  return await fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}
