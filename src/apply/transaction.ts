import { LbctlError, type ErrorCode } from "../errors.ts";
import type { Emit, HostOutcome } from "../model/events.ts";
import type { Finding, ValidationStep } from "../model/finding.ts";
import { Refusal } from "../model/refusal.ts";
import type { Remote } from "../remote/port.ts";

/** One step of a transaction on the target: a piece of the one script that runs there. */
export interface Step<Context> {
  readonly name: string;
  /** Said while it runs. */
  readonly text: string;
  readonly script: (context: Context) => string;
}

/** The pieces of a script, each between its events. */
export function scriptOf<Context>(steps: readonly Step<Context>[], context: Context): string {
  const body = steps.map(
    (step) => `event start ${step.name}\n${step.script(context)}\nevent done ${step.name}`,
  );
  return `${body.join("\n")}\nevent outcome changed`;
}

/** A script of steps, as it runs on one host. */
export interface Transaction {
  readonly script: string;
  readonly payload?: Uint8Array;
  readonly steps: readonly Pick<Step<never>, "name" | "text">[];
}

/**
 * Runs the steps and tells of each. The returned outcome carries the error, if any: `rejected` (untouched),
 * `rolled-back`, `busy`, `unreachable`, `bug`. From the step `swap` on an abort waits for the end.
 */
export async function runTransaction(
  remote: Remote,
  makeTransaction: () => Promise<Transaction>,
  emit: Emit,
  signal: AbortSignal,
): Promise<HostOutcome> {
  const { host } = remote;
  const events = new StepEvents(host, emit);
  const abort = new AbortController();
  const onAbort = (): void => {
    // From the swap on the target finishes or goes back by itself, so the way out is to wait for it.
    if (events.committing) emit({ kind: "note", host, text: "finishing what has begun" });
    else abort.abort();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    const { steps, ...script } = await makeTransaction();
    events.steps = steps;
    const result = await remote.run({
      ...script,
      onLine: (line) => {
        events.take(line);
      },
      idleTimeoutMs: 120_000,
      signal: abort.signal,
    });
    if (events.outcome === "changed") return { host, outcome: "changed", error: null };
    const error = events.failure ?? unexplained(host, result.status, result.stderr);
    return { host, outcome: error.code === "rolled-back" ? "rolled-back" : "failed", error };
  } catch (error) {
    if (signal.aborted && !events.committing) {
      const interrupted = new LbctlError("interrupted", { what: "interrupted before the change", at: host });
      return { host, outcome: "skipped", error: interrupted };
    }
    if (!(error instanceof LbctlError)) throw error;
    return { host, outcome: "failed", error };
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function unexplained(host: string, status: number, stderr: string): LbctlError {
  return new LbctlError("bug", {
    what: `the script ended with status ${String(status)} and no outcome: ${stderr.trim().split("\n").at(-1) ?? ""}`,
    at: host,
    hint: "Run `lbctl plan` to see what is there.",
  });
}

/** Reads the event stream of the script on the target. */
class StepEvents {
  steps: Transaction["steps"] = [];
  outcome: string | undefined;
  failure: LbctlError | undefined;
  /** The swap has begun: the live set is being changed. */
  committing = false;
  private readonly findings: Finding[] = [];
  private startedAt = 0;
  private readonly host: string;
  private readonly emit: Emit;

  constructor(host: string, emit: Emit) {
    this.host = host;
    this.emit = emit;
  }

  take(line: string): void {
    const [mark, kind, first = "", second = "", third = "", fourth = ""] = line.split(" ");
    if (mark !== "event") return;
    const { host } = this;
    if (kind === "start") {
      if (first === "swap") this.committing = true;
      this.startedAt = performance.now();
      this.emit({ kind: "step", host, step: first, text: this.textOf(first) });
    } else if (kind === "done") {
      this.emit({ kind: "done", host, step: first, ms: performance.now() - this.startedAt });
    } else if (kind === "reject") {
      this.findings.push({
        step: first as ValidationStep,
        line: second === "-" ? null : Number(second),
        text: decode(third),
        ...(fourth === "" ? {} : { hint: decode(fourth) }),
      });
    } else if (kind === "note") {
      this.emit({ kind: "note", host, text: decode(first) });
    } else if (kind === "fail") {
      this.failure =
        first === "rejected" && this.findings.length > 0
          ? new Refusal(host, this.findings)
          : failureOf(host, first, decode(second));
    } else if (kind === "outcome") {
      this.outcome = first;
    }
  }

  private textOf(step: string): string {
    return this.steps.find((known) => known.name === step)?.text ?? "restoring the previous configuration";
  }
}

function decode(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}

const failures: Readonly<Record<string, { code: ErrorCode; hint: string }>> = {
  busy: { code: "busy", hint: "Wait for the other one, then run it again." },
  rejected: { code: "rejected", hint: "The live configuration and the running HAProxy are untouched." },
  "rolled-back": { code: "rolled-back", hint: "The previous configuration is back and serving." },
  failed: { code: "bug", hint: "Run `lbctl plan` to see what is there." },
};

function failureOf(host: string, kind: string, text: string): LbctlError {
  const { code, hint } = failures[kind] ?? { code: "bug" as const, hint: "" };
  return new LbctlError(code, { what: text.trim(), at: host, hint });
}
