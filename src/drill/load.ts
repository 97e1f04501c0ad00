import { setMaxListeners } from "node:events";
import { Agent, request, type IncomingMessage } from "node:http";
import type { LoadTarget } from "./scenario.ts";
import type { RequestRecord } from "./timeline.ts";

export interface Load {
  /** Sends no more, and comes back when every request that is under way has ended. */
  readonly stop: () => Promise<void>;
  /** Sends no more, drops what is under way, and reports nothing more. */
  readonly drop: () => void;
}

export interface LoadOptions {
  readonly target: LoadTarget;
  /** Requests per second. */
  readonly rate: number;
  /** Time for a whole request; then it counts as failed. */
  readonly requestTimeoutMs: number;
  readonly now: () => number;
  readonly onDone: (record: RequestRecord) => void;
}

/**
 * GETs at a constant rate, whatever the answers do: request n is due at start + n / rate, and its latency
 * counts from then, so a stalled service cannot hide the requests that it delays. Every other request uses
 * a connection of its own, the rest share kept ones.
 */
export function startLoad({ target, rate, requestTimeoutMs, now, onDone }: LoadOptions): Load {
  const kept = new Agent({ keepAlive: true, maxFreeSockets: 64 });
  const underWay = new Set<Promise<void>>();
  const dropped = new AbortController();
  setMaxListeners(0, dropped.signal);
  const start = now();
  let sent = 0;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const send = (n: number): void => {
    const times = { intendedMs: start + (n * 1000) / rate, sentMs: now(), kept: n % 2 === 0 };
    const exchange = getOnce(target, n, times.kept ? kept : false, requestTimeoutMs, dropped.signal).then(
      (outcome) => {
        if (!dropped.signal.aborted) onDone({ kind: "request", ...times, doneMs: now(), ...outcome });
        underWay.delete(exchange);
      },
    );
    underWay.add(exchange);
  };
  const tick = (): void => {
    if (stopped) return;
    while (start + (sent * 1000) / rate <= now()) send(sent++);
    timer = setTimeout(tick, Math.max(1, Math.floor(start + (sent * 1000) / rate - now())));
  };
  tick();

  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await Promise.all(underWay);
      kept.destroy();
    },
    drop() {
      stopped = true;
      clearTimeout(timer);
      dropped.abort();
      kept.destroy();
    },
  };
}

type Outcome = Pick<RequestRecord, "failure" | "server">;

/** One GET, read to its end. Never throws: whatever goes wrong is the outcome. */
export async function getOnce(
  target: LoadTarget,
  n: number,
  agent: Agent | false,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Outcome> {
  return new Promise((resolve) => {
    let server: string | null = null;
    const outgoing = request({
      host: target.host,
      port: target.port,
      path: target.spread ? `${target.path}/${n}` : target.path,
      agent,
      ...(signal ? { signal } : {}),
      headers: {
        "User-Agent": "lbctl-drill",
        ...(target.hostHeader === null ? {} : { Host: target.hostHeader }),
      },
    });
    const deadline = setTimeout(() => {
      finish("timeout");
    }, timeoutMs);
    const finish = (failure: string | null): void => {
      clearTimeout(deadline);
      resolve({ failure, server });
      if (failure !== null) outgoing.destroy();
    };
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      finish(error.code ?? error.message);
    });
    outgoing.on("response", (response: IncomingMessage) => {
      const named = response.headers["x-server"];
      server = typeof named === "string" ? named.slice(0, 100) : null;
      response.resume();
      response.on("error", (error: NodeJS.ErrnoException) => {
        finish(error.code ?? error.message);
      });
      response.on("close", () => {
        if (!response.complete) finish("cut");
        else finish(response.statusCode === 200 ? null : `status ${response.statusCode ?? 0}`);
      });
    });
    outgoing.end();
  });
}
