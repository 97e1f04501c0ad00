import type { ServerStat } from "../haproxy/stat.ts";

export type StepName =
  "load-started" | "kill-issued" | "kill-done" | "revive-issued" | "revive-done" | "load-stopped";

export interface RequestRecord {
  readonly kind: "request";
  /** When it was due, by the rate alone; latency counts from here. */
  readonly intendedMs: number;
  readonly sentMs: number;
  readonly doneMs: number;
  /** On a kept connection, or on one of its own. */
  readonly kept: boolean;
  /** null when a 200 was read to its end, else the kind of failure: `status 503`, `ECONNRESET`, `timeout`. */
  readonly failure: string | null;
  /** X-Server of the answer; null without one. */
  readonly server: string | null;
}

export interface SampleRecord {
  readonly kind: "sample";
  readonly atMs: number;
  readonly servers: readonly ServerStat[];
}

/** One thing that happened. All times are milliseconds on this process's monotonic clock. */
export type DrillRecord =
  | RequestRecord
  | SampleRecord
  /** HAProxy did not answer on its socket. */
  | { readonly kind: "silent"; readonly atMs: number; readonly why: string }
  /** The connection to the load balancer was lost for good. */
  | { readonly kind: "watch-lost"; readonly atMs: number; readonly why: string }
  /** A direct request to the victim, past the load balancer. */
  | { readonly kind: "probe"; readonly sentMs: number; readonly ok: boolean }
  | { readonly kind: "step"; readonly atMs: number; readonly step: StepName };

/** Everything that happened in a drill, in order of arrival. */
export class Timeline {
  readonly records: DrillRecord[] = [];
  private readonly waiting = new Set<(record: DrillRecord) => void>();

  add(record: DrillRecord): void {
    this.records.push(record);
    for (const tell of [...this.waiting]) tell(record);
  }

  /**
   * The first answer of `find` that is not null, for the samples since `sinceMs` and every record from now on;
   * null after `timeoutMs` or when aborted.
   */
  async next<T>(
    find: (record: DrillRecord) => T | null,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal; readonly sinceMs?: number },
  ): Promise<T | null> {
    const { timeoutMs, signal, sinceMs = Infinity } = options;
    if (signal.aborted) return null;
    for (const record of this.records) {
      const found = record.kind === "sample" && record.atMs >= sinceMs ? find(record) : null;
      if (found !== null) return found;
    }
    return new Promise((resolve) => {
      const end = (result: T | null): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        this.waiting.delete(tell);
        resolve(result);
      };
      const stop = (): void => {
        end(null);
      };
      const tell = (record: DrillRecord): void => {
        const found = find(record);
        if (found !== null) end(found);
      };
      const timer = setTimeout(stop, timeoutMs);
      signal.addEventListener("abort", stop, { once: true });
      this.waiting.add(tell);
    });
  }
}
