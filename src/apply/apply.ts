import { LbctlError } from "../errors.ts";
import type { Emit, HostOutcome } from "../model/events.ts";
import type { Author, Manifest, ManifestFile } from "../model/history.ts";
import type { DesiredFile, HostPlan, ObservedHost } from "../model/host.ts";
import type { Role } from "../model/role.ts";
import type { Remote } from "../remote/port.ts";
import { bundle, type Parcel } from "./bundle.ts";
import { hostProgram } from "./host-program.ts";
import { applyScript, installScript, steps, type CopiedGeneration } from "./steps.ts";
import { runTransaction } from "./transaction.ts";

export interface ApplyInput {
  readonly role: Role;
  readonly plan: HostPlan;
  readonly desired: DesiredSet;
  readonly observed: ObservedHost;
  /** What the steps of validation on the target need to know of the configuration; a generation has its own. */
  readonly expectations?: string;
  readonly author: Author;
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
        keep: keepGenerations,
      });
      return { script, payload, steps };
    },
    emit,
    signal,
  );
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
