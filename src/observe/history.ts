import { LbctlError } from "../errors.ts";
import type { ChangedFile, HistoryEntry, HostHistory } from "../model/history.ts";
import type { Role } from "../model/role.ts";
import type { Remote } from "../remote/port.ts";
import { quote } from "../remote/shell.ts";
import { generationsInPerl } from "./generations.ts";
import { notRoot } from "./observe.ts";
import { pendingInPerl, undecidedIn } from "./pending.ts";

/** The history of a host, read in one round trip. Throws LbctlError `unreachable` as the remote does. */
export async function readHistory(remote: Remote, role: Role, signal?: AbortSignal): Promise<HostHistory> {
  const result = await remote.run({
    script: historyScript(role),
    idleTimeoutMs: 30_000,
    ...(signal ? { signal } : {}),
  });
  if (result.status !== 0) {
    throw new LbctlError("bug", {
      what: `the history could not be read: ${result.stderr.trim().split("\n").at(-1) ?? ""}`,
      at: remote.host,
    });
  }
  const uid = /^uid (\d+)$/m.exec(result.stdout)?.[1];
  if (uid !== "0") throw new LbctlError("rejected", notRoot(remote.host, Number(uid)));
  return parseHistory(remote.host, result.stdout);
}

/** Prints one fact a line. A host without generations has none of them. */
export function historyScript(role: Role): string {
  return `perl -e 'use strict;${generationsInPerl}${pendingInPerl}
  my ($state, $service) = @ARGV;
  print "uid $>\\n", "current ", current($state), "\\n", "previous ", previous($state), "\\n";
  for (generations($state)) {
    my $manifest = slurp("$state/generations/$_/manifest.json");
    print "generation $_ {", head_of($manifest), "}\\n" if defined $manifest;
  }
  print map { "entry $_\\n" } entries($state);
  print map { "$_\\n" } undecided($state, $service);
' -- ${quote(role.state)} ${quote(role.service)}`;
}

/** Reads what the script printed. A line that is no entry of lbctl's is passed over. Pure. */
function parseHistory(host: string, text: string): HostHistory {
  const lines = text.split("\n");
  const all = (key: string): string[] =>
    lines.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const written = all("entry").flatMap((line) => entryFrom(line) ?? []);
  const there = new Map(
    all("generation").map((line) => {
      const [, number = "", json = ""] = /^(\d+) (.*)$/.exec(line) ?? [];
      return [Number(number), json] as const;
    }),
  );
  // a number that was tried in vain is taken again, so the newest that stood is the one that is there
  const entries = written.reverse().map((entry) => {
    const kept = stood(entry) && there.has(entry.generation ?? -1);
    if (kept) there.delete(entry.generation ?? -1);
    return { ...entry, kept };
  });
  const untold = [...there].flatMap(
    ([generation, json]) => entryFrom(json, { generation, outcome: "unrecorded", kept: true }) ?? [],
  );
  return {
    host,
    current: numberOrNull(all("current")[0]),
    previous: numberOrNull(all("previous")[0]),
    entries: withUntold(entries, untold),
    undecided: undecidedIn(lines),
  };
}

/** Its generation was the current one. */
function stood({ outcome }: HistoryEntry): boolean {
  return outcome === "changed" || outcome === "rollback";
}

/** The file's order counts, since clocks differ; what it does not tell stands above what has a lower number. */
function withUntold(entries: HistoryEntry[], untold: readonly HistoryEntry[]): HistoryEntry[] {
  for (const entry of untold) {
    const below = entries.findIndex(({ generation }) => (generation ?? -1) < (entry.generation ?? 0));
    entries.splice(below === -1 ? entries.length : below, 0, entry);
  }
  return entries;
}

function entryFrom(
  json: string,
  known: Partial<Pick<HistoryEntry, "generation" | "outcome" | "kept">> = {},
): HistoryEntry | undefined {
  const read = objectIn(json);
  if (!read) return undefined;
  const text = (key: string): string | null => (typeof read[key] === "string" ? read[key] : null);
  const number = (key: string): number | null => (typeof read[key] === "number" ? read[key] : null);
  const outcome = known.outcome ?? outcomes.find((name) => name === read.outcome);
  if (outcome === undefined) return undefined;
  return {
    generation: known.generation ?? number("generation"),
    outcome,
    kept: known.kept ?? false,
    reason: text("reason"),
    restores: number("restores"),
    by: text("by") ?? "?",
    at: text("at") ?? "?",
    lbctl: text("lbctl") ?? "?",
    git: text("git"),
    files: Array.isArray(read.files) ? read.files.flatMap((file) => changedFileFrom(file) ?? []) : [],
  };
}

const outcomes = ["changed", "rollback", "rolled-back", "failed", "released"] as const;
const actions = ["create", "update", "delete"] as const;

function changedFileFrom(value: unknown): ChangedFile | undefined {
  const { path, action } = (value ?? {}) as Record<string, unknown>;
  const known = actions.find((name) => name === action);
  return typeof path === "string" && known ? { path, action: known } : undefined;
}

function objectIn(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function numberOrNull(text: string | undefined): number | null {
  return text === undefined || text === "" ? null : Number(text);
}
