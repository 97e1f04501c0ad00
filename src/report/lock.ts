import type { LbctlError } from "../errors.ts";
import type { HostLease } from "../model/lease.ts";
import { describeUndecided } from "../model/undecided.ts";
import { duration, fit, wrap } from "./columns.ts";
import { shownProblems } from "./problems.ts";
import { style } from "./style.ts";
import { undecidedDocument } from "./undecided.ts";

/** The table of `lbctl lock status`, at most 80 columns wide. */
export function lockLines(hosts: readonly HostLease[]): string[] {
  if (hosts.length === 0) return [];
  return [
    style.dim(`${fit("HOST", 16)} ${fit("LEASE", 6)} ${fit("ID", 9)} ${fit("FOR", 9)} ${fit("HELD", 6)} WHO`),
    ...hosts.flatMap(({ host, state, lease, undecided }) => [
      ...(lease === null
        ? [`${fit(host, 16)} ${style.green(state)}`]
        : [
            `${fit(host, 16)} ${colours[state](fit(state, 6))} ${fit(lease.id, 9)} ${fit(lease.reason, 9)} ` +
              `${fit(duration(lease.heldMs), 6)} ${fit(lease.owner, 29).trimEnd()}`,
            style.dim(`  since ${lease.since}, last heard ${duration(lease.silentMs)} ago${begun(lease)}`),
          ]),
      ...(undecided === null ? [] : wrap(describeUndecided(undecided), 80, "  ! ")),
    ]),
  ];
}

function begun({ committing }: { readonly committing: boolean }): string {
  return committing ? ", the change has begun" : "";
}

const colours = { none: style.green, held: style.yellow, stale: style.red };

/** What became of a lease that was to be broken. */
export function breakingLine(host: string, breaking: "broken" | "committing" | "gone"): string {
  const words = {
    broken: "the lease was ended, and nothing of its change was made",
    committing: "the change has begun, and goes to its end: see `lbctl history`",
    gone: "the lease had ended by itself",
  };
  return `${fit(host, 16)} ${words[breaking]}`;
}

/** A host's lease, or why it is not known. */
interface ReadLease {
  readonly host: string;
  readonly look: HostLease | null;
  readonly error: LbctlError | null;
}

/** The JSON that programs rely on; keys are only ever added. */
export function lockDocument(hosts: readonly ReadLease[]): object {
  return {
    format_version: 1,
    hosts: hosts.map(({ host, look, error }) => ({
      name: host,
      state: look?.state ?? null,
      id: look?.lease?.id ?? null,
      owner: look?.lease?.owner ?? null,
      reason: look?.lease?.reason ?? null,
      since: look?.lease?.since ?? null,
      held_ms: look?.lease?.heldMs ?? null,
      silent_ms: look?.lease?.silentMs ?? null,
      committing: look?.lease?.committing ?? null,
      undecided: undecidedDocument(look?.undecided ?? null),
      error: error === null ? null : { code: error.code, problems: shownProblems(error) },
    })),
  };
}
