import { withoutAnySecret } from "../document/secrets.ts";
import type { LbctlError } from "../errors.ts";
import { plainReason } from "../haproxy/alerts.ts";
import { describeUndecided } from "../model/undecided.ts";
import { undecidedDocument } from "./undecided.ts";
import type { ChangeOutcome, HistoryEntry, HostHistory } from "../model/history.ts";
import { cut, fit, wrap } from "./columns.ts";
import { shownProblems } from "./problems.ts";
import { style } from "./style.ts";

const width = 80;

/** The table of `lbctl history` for one host, newest first, at most 80 columns wide. */
export function historyLines({ host, current, entries, undecided }: HostHistory): string[] {
  if (entries.length === 0) return [style.bold(cut(host, width)), "  nothing that lbctl did", ""];
  const mark = ({ generation, kept }: HistoryEntry): string =>
    !kept || current === null ? " " : generation === current ? style.green("*") : style.cyan("+");
  return [
    style.bold(cut(host, width)),
    ...(undecided === null ? [] : wrap(describeUndecided(undecided), width, "  ! ")),
    style.dim(`    ${"GEN".padStart(4)} ${fit("WHEN", 20)} ${fit("OUTCOME", 13)} ${fit("WHO", 24)} GIT`),
    ...entries.flatMap((entry) => [
      `  ${mark(entry)} ${String(entry.generation ?? "-").padStart(4)} ${fit(moment(entry.at), 20)} ` +
        `${colours[entry.outcome](fit(outcomeText(entry), 13))} ${fit(entry.by, 24)} ${revision(entry.git)}`,
      ...detailLines(entry),
    ]),
    style.dim(`  * current, + still there to go back to with lbctl rollback --to GEN`),
    "",
  ];
}

function detailLines({ files, reason }: HistoryEntry): string[] {
  const signs = { create: "+", update: "~", delete: "-" };
  const changed = files.map(({ path, action }) => `${signs[action]} ${path}`).join("  ");
  return [
    ...(changed === "" ? [] : [style.dim(`           ${cut(changed, width - 11)}`)]),
    ...(reason === null ? [] : wrap(plain(reason), width, "           ").slice(0, 3)),
  ];
}

function outcomeText({ outcome, restores }: HistoryEntry): string {
  return outcome === "rollback" && restores !== null ? `back to ${String(restores)}` : outcome;
}

/** What the host says, without what HAProxy says each time. */
function plain(reason: string): string {
  return withoutAnySecret(plainReason(reason));
}

/** Short, and whether something was not committed. */
function revision(git: string | null): string {
  return git === null ? "-" : git.replace(/^([^+]{7})[^+]*/, "$1");
}

/** Without fractions of a second. */
function moment(at: string): string {
  return at.replace(/\.\d+(?=Z|[+-])/, "");
}

const colours: Readonly<Record<ChangeOutcome, (text: string) => string>> = {
  changed: style.green,
  rollback: style.yellow,
  "rolled-back": style.red,
  failed: style.red,
  released: style.cyan,
  unrecorded: style.dim,
};

/** A host's history, or why there is none. */
export interface ReadHost {
  readonly host: string;
  readonly look: HostHistory | null;
  readonly error: LbctlError | null;
}

/** The JSON that programs rely on; keys are only ever added. */
export function historyDocument(hosts: readonly ReadHost[]): object {
  return {
    format_version: 1,
    hosts: hosts.map(({ host, look, error }) => ({
      name: host,
      current: look?.current ?? null,
      previous: look?.previous ?? null,
      undecided: undecidedDocument(look?.undecided ?? null),
      entries: (look?.entries ?? []).map((entry) => ({
        generation: entry.generation,
        at: entry.at,
        by: entry.by,
        lbctl: entry.lbctl,
        git: entry.git,
        outcome: entry.outcome,
        reason: entry.reason === null ? null : plain(entry.reason),
        restores: entry.restores,
        kept: entry.kept,
        files: entry.files,
      })),
      error: error === null ? null : { code: error.code, problems: shownProblems(error) },
    })),
  };
}
