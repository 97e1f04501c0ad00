import { randomBytes } from "node:crypto";
import { LbctlError } from "../errors.ts";
import type { Emit, HostOutcome } from "../model/events.ts";
import type { Author, Manifest, ManifestFile } from "../model/history.ts";
import type { DesiredFile, HostPlan, ObservedHost } from "../model/host.ts";
import type { Role } from "../model/role.ts";
import type { Reachable, Remote } from "../remote/port.ts";
import { describeUndecided, type Undecided } from "../model/undecided.ts";
import { bundle, type Parcel } from "./bundle.ts";
import { Confirmation } from "./confirm.ts";
import { hostProgram } from "./host-program.ts";
import { untouchedScript } from "./interrupted.ts";
import { confirmScript } from "./pending.ts";
import { applyScript, installScript, steps, type CopiedGeneration } from "./steps.ts";
import { runTransaction } from "./transaction.ts";
import type { Turn } from "./turn.ts";
import { watchdogSeconds } from "./watchdog.ts";

export interface ApplyInput {
  readonly role: Role;
  readonly plan: HostPlan;
  readonly desired: DesiredSet;
  readonly observed: ObservedHost;
  /** What the steps of validation on the target need to know of the configuration; a generation has its own. */
  readonly expectations?: string;
  readonly author: Author;
  /** Whether the reload waits for checks of the servers. */
  readonly isGated: boolean;
  /** Somebody has edited by hand what lbctl wrote. */
  readonly isEdited: boolean;
  /** The host reverts a change that is not confirmed for this long after it serves; 30, when it is not told. */
  readonly confirmSeconds?: number;
}

/** The set that a host is to have: rendered, or that of a generation. */
interface DesiredSet {
  readonly identity: string;
  /** All of them, for the manifest. */
  readonly files: readonly (DesiredFile | ManifestFile)[];
  /** The generation that is gone back to, whose files are on the host already. */
  readonly from?: CopiedGeneration;
}

const keepGenerations = 10;
/** Seconds that a revert at the last moment takes. */
const revertSeconds = 30;

/**
 * Makes a host what its plan says, in one round trip. The returned outcome carries the error, if any:
 * `rejected` (untouched), `rolled-back`, `busy`, `unreachable`, `bug`, `interrupted`.
 */
export async function applyHost(
  remote: Reachable,
  input: ApplyInput,
  emit: Emit,
  signal: AbortSignal,
  turn: Turn,
): Promise<HostOutcome> {
  const { role, plan, desired, observed, author, confirmSeconds = 30 } = input;
  const { undecided } = observed;
  if (undecided && !undecided.reverting && undecided.leftSeconds > 0)
    return { host: plan.host, outcome: "failed", error: refuseUndecided(plan.host, undecided) };
  if (!plan.changes) return { host: plan.host, outcome: "unchanged", error: null };
  const token = randomBytes(12).toString("hex");
  return runTransaction(
    remote,
    async () => {
      const payload = await bundle(parcelOf(input), manifestOf(input));
      refuseFullDisk(payload.byteLength, observed);
      const script = applyScript({
        role,
        plan,
        digest: observed.digest,
        identity: desired.identity,
        from: desired.from ?? null,
        ownCerts: (observed.written ?? [])
          .map(({ path }) => path)
          .filter((path) => path.startsWith("certs/")),
        keep: keepGenerations,
        isGated: input.isGated,
        isEdited: input.isEdited,
        commit: { token, confirmSeconds, by: author.by.replace(/\s+/g, " "), at: author.at },
      });
      const withinSeconds = watchdogSeconds(confirmSeconds) + revertSeconds;
      const confirming = confirmScript(role.state, role.service, token, withinSeconds);
      const confirmation = new Confirmation(remote.anew(), confirming, withinSeconds * 1000, emit);
      return {
        service: role.service,
        script,
        payload,
        steps,
        confirmation,
        question: untouchedScript(role, observed.digest, token),
        idleTimeoutMs: 120_000 + confirmSeconds * 1000,
      };
    },
    emit,
    signal,
    turn,
  );
}

function refuseUndecided(at: string, undecided: Undecided): LbctlError {
  return new LbctlError("busy", {
    what: describeUndecided(undecided),
    at,
    hint: "Wait for that, then run it again. Nothing was touched.",
  });
}

/** What the host does not have yet. */
function parcelOf({ role, desired, observed, expectations }: ApplyInput): Parcel {
  const { mark, text } = hostProgram(role);
  const program = observed.console === mark ? {} : { console: text };
  if (desired.from) return { files: [], folders: [], ...program };
  const files = desired.files.filter((file): file is DesiredFile => "content" in file);
  const folders = role.links.filter((name) => !files.some((file) => file.path === name));
  return { files, folders, ...(expectations === undefined ? {} : { expectations }), ...program };
}

function manifestOf({ plan, desired, author }: ApplyInput): Manifest {
  return {
    format: 1,
    identity: desired.identity,
    ...author,
    restores: desired.from?.generation ?? null,
    changes: plan.files.map(({ path, action }) => ({ path, action })),
    files: desired.files.map(({ path, mode, sha256 }) => ({ path, mode, sha256 })),
  };
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
