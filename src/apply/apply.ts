import { LbctlError, type ErrorCode } from "../errors.ts";
import type { Emit, HostOutcome } from "../model/events.ts";
import type { DesiredHost, HostPlan, ObservedHost } from "../model/host.ts";
import type { Finding, ValidationStep } from "../model/finding.ts";
import { Refusal } from "../model/refusal.ts";
import type { Role } from "../model/role.ts";
import type { Remote } from "../remote/port.ts";
import { bundle, type Manifest } from "./bundle.ts";
import { applyScript, installScript, steps } from "./steps.ts";

export interface ApplyInput {
  readonly role: Role;
  readonly plan: HostPlan;
  readonly desired: DesiredHost;
  readonly observed: ObservedHost;
  /** What the steps of validation on the target need to know of the configuration. */
  readonly expectations: string;
  readonly manifest: Omit<Manifest, "identity">;
}

const keepGenerations = 10;

/**
 * Makes a host what its plan says, in one round trip. The returned outcome carries the error, if any:
 * `rejected` (untouched), `rolled-back`, `busy`, `unreachable`, `bug`.
 */
export async function applyHost(
  remote: Remote,
  input: ApplyInput,
  emit: Emit,
  signal: AbortSignal,
): Promise<HostOutcome> {
  const { role, plan, desired, observed } = input;
  if (!plan.changes) return { host: plan.host, outcome: "unchanged", error: null };
  const events = new ApplyEvents(remote.host, emit);
  const abort = new AbortController();
  const onAbort = (): void => {
    // From the swap on the target finishes or goes back by itself, so the way out is to wait for it.
    if (events.committing) emit({ kind: "note", host: plan.host, text: "finishing what has begun" });
    else abort.abort();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    const manifest = { ...input.manifest, identity: desired.identity };
    const payload = await bundle(desired, role.links, manifest, input.expectations);
    refuseFullDisk(payload.byteLength, observed);
    const result = await remote.run({
      script: applyScript({
        role,
        plan,
        digest: observed.digest,
        identity: desired.identity,
        keep: keepGenerations,
      }),
      payload,
      onLine: (line) => {
        events.take(line);
      },
      idleTimeoutMs: 120_000,
      signal: abort.signal,
    });
    if (events.outcome === "changed") return { host: plan.host, outcome: "changed", error: null };
    const error = events.failure ?? unexplained(remote.host, result.status, result.stderr);
    return { host: plan.host, outcome: error.code === "rolled-back" ? "rolled-back" : "failed", error };
  } catch (error) {
    if (signal.aborted && !events.committing) {
      const interrupted = new LbctlError("interrupted", {
        what: "interrupted before the change",
        at: plan.host,
      });
      return { host: plan.host, outcome: "skipped", error: interrupted };
    }
    if (!(error instanceof LbctlError)) throw error;
    return { host: plan.host, outcome: "failed", error };
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Installs the packages a plan names. Throws LbctlError `rejected` with apt's last words. */
export async function installPackages(
  remote: Remote,
  packages: readonly string[],
  emit: Emit,
): Promise<void> {
  const started = performance.now();
  const { host } = remote;
  emit({ kind: "step", host, step: "package", text: `installing ${packages.join(", ")}` });
  const result = await remote.run({ script: installScript(packages), idleTimeoutMs: 600_000 });
  if (result.status !== 0) {
    const errors = result.stdout.split("\n").filter((line) => /^(E:|W:|dpkg:)/.test(line));
    throw new LbctlError("rejected", {
      what: `apt could not install ${packages.join(", ")}: ${errors.at(-1) ?? `exit status ${String(result.status)}`}`,
      at: host,
      hint: "Check the host's apt sources (apt-get update there), then run it again. The configuration is untouched.",
    });
  }
  emit({ kind: "done", host, step: "package", ms: performance.now() - started });
}

/** Room for the set, its copy in HAProxy's memory aside, and some to spare. */
function refuseFullDisk(bytes: number, observed: ObservedHost): void {
  const needed = bytes + 16 * 1024 * 1024;
  if (observed.freeBytes >= needed) return;
  throw new LbctlError("rejected", {
    what: `the disk of /var/lib is full: ${String(observed.freeBytes)} bytes free, ${String(needed)} needed`,
    at: observed.host,
    hint: "Make room, then run it again. Nothing was touched.",
  });
}

function unexplained(host: string, status: number, stderr: string): LbctlError {
  return new LbctlError("bug", {
    what: `the apply script ended with status ${String(status)} and no outcome: ${stderr.trim().split("\n").at(-1) ?? ""}`,
    at: host,
    hint: "Run `lbctl plan` to see what is there.",
  });
}

/** Reads the event stream of the script on the target. */
class ApplyEvents {
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
      this.emit({ kind: "step", host, step: first, text: textOf(first) });
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
}

function textOf(step: string): string {
  return steps.find((known) => known.name === step)?.text ?? "restoring the previous configuration";
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
