import { LbctlError, type ErrorCode } from "../errors.ts";
import type { Emit, HostOutcome } from "../model/events.ts";
import type { Finding, ValidationStep } from "../model/finding.ts";
import { Refusal } from "../model/refusal.ts";
import { leasePath } from "../observe/lease.ts";
import type { Remote } from "../remote/port.ts";
import type { Confirmation } from "./confirm.ts";
import { afterAbort, interruptedBefore, leftToItself, safeEndMs } from "./interrupted.ts";
import { underLease } from "./lease.ts";
import { talk } from "./talk.ts";
import type { Turn } from "./turn.ts";

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
  /** Whose lease it needs. */
  readonly service: string;
  readonly script: string;
  readonly payload?: Uint8Array;
  readonly steps: readonly Pick<Step<never>, "name" | "text">[];
  /** Of a change that the host reverts unless it is confirmed. */
  readonly confirmation?: Confirmation;
  /** `untouchedScript` of the host, for when the transaction is cut off. */
  readonly question: string;
  /** How long the script may be silent; 120 s, when it is not told. */
  readonly idleTimeoutMs?: number;
}

/** The step that changes the live set: from here on a host finishes or goes back by itself. */
export const commitStep = "swap";

/**
 * Takes the lease when it is this host's turn, runs the steps and tells of each. The returned outcome carries the error,
 * if any: `rejected` (untouched), `rolled-back`, `busy`, `unreachable`, `bug`, `interrupted`; a lease that is let go unused
 * is `skipped`. From the step `swap` on an abort waits for the end, but not longer than `safeEndMs`.
 */
export async function runTransaction(
  remote: Remote,
  makeTransaction: () => Promise<Transaction>,
  emit: Emit,
  signal: AbortSignal,
  turn: Turn,
): Promise<HostOutcome> {
  const { host } = remote;
  if (signal.aborted) return interruptedBefore(host);
  const events = new StepEvents(host, emit, turn.held);
  const abort = new AbortController();
  const stop = (): void => {
    abort.abort();
  };
  let patience: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    // From the swap on the target finishes or goes back by itself, so the way out is to wait for it.
    if (events.committing) {
      emit({ kind: "note", host, text: "finishing what has begun" });
      patience = setTimeout(stop, safeEndMs);
    } else stop();
  };
  let cutOff = (): HostOutcome | Promise<HostOutcome> => interruptedBefore(host);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const {
      steps,
      service,
      script,
      payload = new Uint8Array(),
      confirmation,
      question,
      ...limits
    } = await makeTransaction();
    cutOff = () => (events.committing ? leftToItself(host, "had begun") : afterAbort(remote, question));
    events.steps = steps;
    events.confirmation = confirmation;
    const result = await remote.run({
      idleTimeoutMs: 120_000,
      ...limits,
      script: underLease(script, leasePath(service), turn.claim),
      payload: (over) => talk(turn, payload, over),
      onLine: (line) => {
        events.take(line);
      },
      signal: abort.signal,
    });
    if (events.verdict) return events.verdict;
    const wasToBegin = await Promise.race([turn.toBegin, Promise.resolve(true)]);
    if (!wasToBegin) return { host, outcome: "skipped", error: null };
    const error = unexplained(host, result.status, result.stderr);
    if (events.undecided) {
      emit({ kind: "note", host, text: "the script there was killed; waiting for what the host decides" });
      return await afterLostLink(events.undecided, host, error);
    }
    return failed(host, error);
  } catch (error) {
    if (events.verdict) return events.verdict; // what cut it off came after its last words
    if (abort.signal.aborted) return await cutOff();
    if (!(error instanceof LbctlError)) throw error;
    if (error.code === "unreachable" && events.undecided) {
      emit({ kind: "note", host, text: "the connection was lost; confirming over another one" });
      return await afterLostLink(events.undecided, host, error);
    }
    return failed(host, error);
  } finally {
    await events.confirmation?.stop();
    clearTimeout(patience);
    signal.removeEventListener("abort", onAbort);
  }
}

/** The host finishes or goes back without lbctl, and knows which it was. */
async function afterLostLink(
  confirmation: Confirmation,
  host: string,
  lost: LbctlError,
): Promise<HostOutcome> {
  const { kind, reason, failed: isBroken } = await confirmation.begin();
  if (kind === "confirmed") return { host, outcome: "changed", error: null };
  if (kind === "reverted" && isBroken)
    return failed(host, failureOf(host, "failed", reason ?? "the change could not be taken back"));
  if (kind === "reverted") {
    const error = failureOf(host, "rolled-back", reason ?? "the change did not hold");
    return { host, outcome: "rolled-back", error };
  }
  const what = `${lost.problems[0]?.what ?? ""}, and the change was not confirmed: the host reverts it by itself`;
  const hint = "`lbctl plan` and `lbctl history` show what is there.";
  return { host, outcome: "failed", error: new LbctlError(lost.code, { what, at: host, hint }) };
}

function failed(host: string, error: LbctlError): HostOutcome {
  return { host, outcome: error.code === "rolled-back" ? "rolled-back" : "failed", error };
}

function unexplained(host: string, status: number, stderr: string): LbctlError {
  const how =
    status > 128 // as the shell tells of a signal
      ? `was ended by signal ${String(status - 128)}, by a shutdown or by hand`
      : /cannot fork/i.test(stderr)
        ? "could start no process: the host goes down, or has too many"
        : null;
  if (how !== null) {
    return new LbctlError("unreachable", {
      what: `the script on this host ${how}`,
      at: host,
      hint: "Run it again when the host is back: lbctl looks first at what is there.",
    });
  }
  return new LbctlError("bug", {
    what: `the script ended with status ${String(status)} and no outcome: ${stderr.trim().split("\n").at(-1) ?? ""}`,
    at: host,
    hint: "Run `lbctl plan` to see what is there.",
  });
}

/** Reads the event stream of the script on the target. */
class StepEvents {
  steps: Transaction["steps"] = [];
  confirmation: Confirmation | undefined;
  /** The swap has begun: the live set is being changed. */
  committing = false;
  private outcome: string | undefined;
  private failure: LbctlError | undefined;
  private readonly findings: Finding[] = [];
  private step = "";
  private startedAt = 0;
  private readonly host: string;
  private readonly emit: Emit;
  private readonly onHeld: () => void;

  constructor(host: string, emit: Emit, onHeld: () => void) {
    this.host = host;
    this.emit = emit;
    this.onHeld = onHeld;
  }

  /** What can still tell how it ends, when the script does not. */
  get undecided(): Confirmation | undefined {
    return this.committing ? this.confirmation : undefined;
  }

  /** How it ended, once the script has said so. */
  get verdict(): HostOutcome | undefined {
    if (this.outcome === "changed") return { host: this.host, outcome: "changed", error: null };
    return this.failure && failed(this.host, this.failure);
  }

  take(line: string): void {
    const [mark, kind, first = "", second = "", third = "", fourth = ""] = line.split(" ");
    if (mark !== "event") return;
    const { host } = this;
    if (kind === "start") {
      if (first === commitStep) this.committing = true;
      this.step = first;
      // a new connection takes as long as the verification, so they are made side by side
      if (first === "verify") void this.confirmation?.begin();
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
    } else if (kind === "serving") {
      this.confirmation?.serving(Number(first));
    } else if (kind === "wait") {
      this.emit({ kind: "step", host, step: this.step, text: decode(first) });
    } else if (kind === "note") {
      this.emit({ kind: "note", host, text: decode(first) });
    } else if (kind === "held") {
      this.onHeld();
    } else if (kind === "fail") {
      // what the holder of the lease says comes before what its end makes of the steps
      this.failure ??=
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
  held: { code: "busy", hint: "Wait with --lock-wait SECONDS; `lbctl lock break --id ID` ends it." },
  lost: { code: "busy", hint: "Nothing was touched. Run it again: lbctl looks first at what is there." },
  ended: { code: "unreachable", hint: "Run it again when the host is back." },
  busy: { code: "busy", hint: "Wait for the other one, then run it again." },
  rejected: { code: "rejected", hint: "The live configuration and the running HAProxy are untouched." },
  "rolled-back": { code: "rolled-back", hint: "The previous configuration is back and serving." },
  failed: { code: "bug", hint: "Run `lbctl plan` to see what is there." },
};

function failureOf(host: string, kind: string, text: string): LbctlError {
  const { code, hint } = failures[kind] ?? { code: "bug" as const, hint: "" };
  return new LbctlError(code, { what: text.trim(), at: host, hint });
}
