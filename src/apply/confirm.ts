import { setTimeout as sleep } from "node:timers/promises";
import { LbctlError } from "../errors.ts";
import type { Emit } from "../model/events.ts";
import type { Remote } from "../remote/port.ts";

/** What became of a change; `unknown`: the host knows nothing of it, or could not be asked in time. */
export interface Decision {
  readonly kind: "confirmed" | "reverted" | "unknown";
  /** Why it was reverted, as the history has it. */
  readonly reason: string | null;
  /** What was there before could not be brought back whole. */
  readonly failed?: boolean;
}

const pauseMs = 500;
/** Who waits for longer should know why, while there is time to do something. */
const patienceMs = 5000;

/** Confirms a change from outside, over a connection that was made after it. */
export class Confirmation {
  private readonly abort = new AbortController();
  private readonly remote: Remote;
  private readonly script: string;
  private readonly emit: Emit;
  private readonly withinMs: number;
  private asking: Promise<Decision> | undefined;
  private revertsAt: number | undefined;
  private failed = false;
  private told = false;

  /** `remote` is a new connection, and closed in the end; `withinMs`: by then the host has decided by itself. */
  constructor(remote: Remote, script: string, withinMs: number, emit: Emit) {
    this.remote = remote;
    this.script = script;
    this.withinMs = withinMs;
    this.emit = emit;
  }

  /** Connects, and confirms as soon as the host says that it serves. Whoever asks again waits for the same. */
  begin(): Promise<Decision> {
    if (this.asking === undefined) {
      this.asking = this.ask();
      // whoever waits for it hears of a failure
      this.asking.catch(() => undefined);
    }
    return this.asking;
  }

  /** It serves, and is reverted in so many seconds. */
  serving(seconds: number): void {
    this.revertsAt = performance.now() + seconds * 1000;
    if (this.failed) this.tell();
    setTimeout(
      () => {
        this.tell();
      },
      Math.min(patienceMs, seconds * 500),
    ).unref();
  }

  /** Nobody needs the answer any more. */
  async stop(): Promise<void> {
    this.abort.abort();
    await this.asking;
  }

  private async ask(): Promise<Decision> {
    const signal = AbortSignal.any([this.abort.signal, AbortSignal.timeout(this.withinMs)]);
    try {
      while (!signal.aborted) {
        const decision = await this.askOnce(signal);
        if (decision) return decision;
        this.failed = true;
        this.tell();
        await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      }
      return { kind: "unknown", reason: null };
    } finally {
      await this.remote.close();
    }
  }

  /** Undefined when the host could not be reached. */
  private async askOnce(signal: AbortSignal): Promise<Decision | undefined> {
    try {
      const { script, withinMs } = this;
      const { stdout } = await this.remote.run({ script, signal, idleTimeoutMs: withinMs });
      this.told = true;
      return decisionIn(stdout);
    } catch (error) {
      if (error instanceof LbctlError) return undefined;
      throw error;
    }
  }

  private tell(): void {
    if (this.told || this.revertsAt === undefined || this.abort.signal.aborted) return;
    const seconds = Math.ceil((this.revertsAt - performance.now()) / 1000);
    if (seconds <= 0) return;
    this.told = true;
    const text = `serving, but you cannot reach it: reverting in ${String(seconds)} s`;
    this.emit({ kind: "note", host: this.remote.host, text });
  }
}

/** Pure. */
function decisionIn(text: string): Decision {
  const [, word] = /^decision (confirmed|reverted)$/m.exec(text) ?? [];
  if (word === "confirmed") return { kind: "confirmed", reason: null };
  if (word === "reverted") return { kind: "reverted", ...entryIn(/^entry (.*)$/m.exec(text)?.[1] ?? "") };
  return { kind: "unknown", reason: null };
}

function entryIn(json: string): Pick<Decision, "reason" | "failed"> {
  try {
    const { reason, outcome } = JSON.parse(json) as { reason?: unknown; outcome?: unknown };
    return { reason: typeof reason === "string" ? reason : null, failed: outcome === "failed" };
  } catch {
    return { reason: null };
  }
}
