import { describeUndecided } from "../model/undecided.ts";
import type {
  DesiredFile,
  DesiredHost,
  FileChange,
  HostPlan,
  ObservedFile,
  ObservedHost,
} from "../model/host.ts";
import { hasIdentity, unifiedDiff, withoutIdentity } from "./diff.ts";
import { driftOf, othersOf } from "./drift.ts";
import { shownSides } from "./shown.ts";

/**
 * Compares what a host should have with what it has. Pure: `lbctl plan` shows this, `lbctl apply` does it. What is not
 * described goes, unless it `stays`.
 */
export function makePlan(
  desired: DesiredHost,
  observed: ObservedHost,
  stays: ReadonlySet<string> = othersOf(observed),
): HostPlan {
  const install = Object.entries(observed.packages)
    .filter(([, versions]) => versions.installed === null)
    .map(([name]) => name);
  const drift = driftOf(observed);
  const files = fileChanges(desired, observed, stays, drift.files);
  const links = Object.entries(observed.links)
    .filter(([, state]) => state !== "linked")
    .map(([name]) => name);
  const enable = install.length === 0 && !observed.service.enabled;
  const dropIn = dropInChange(observed);
  const rewritten = files.length > 0 || links.length > 0 || enable || dropIn !== null;
  const activate = activation(desired, observed, { install, files, rewritten });
  return {
    host: desired.host,
    // what is overdue the host undoes when somebody comes to change it
    changes:
      install.length + files.length + links.length > 0 ||
      activate !== null ||
      enable ||
      dropIn !== null ||
      observed.undecided !== null,
    install,
    files,
    links,
    activate,
    enable,
    dropIn,
    generation: observed.generation,
    adopts: observed.handMade && observed.written === null,
    drift: [...new Set([...drift.links, ...files.flatMap((file) => (file.drift ? [file.path] : []))])],
    warnings: [...(observed.undecided ? [describeUndecided(observed.undecided)] : []), ...desired.warnings],
  };
}

function dropInChange({ dropIn }: ObservedHost): HostPlan["dropIn"] {
  if (dropIn === "missing") return "create";
  return dropIn === "different" ? "update" : null;
}

function fileChanges(
  desired: DesiredHost,
  observed: ObservedHost,
  stays: ReadonlySet<string>,
  edited: ReadonlySet<string>,
): FileChange[] {
  // who takes over a configuration must be able to read it, whatever its mode is; not so one that lbctl wrote
  const foreign =
    observed.generation === null && !observed.files.some(({ content }) => hasIdentity(content ?? ""));
  const ours = (file: ObservedFile): ObservedFile => (foreign ? { ...file, mode: "0644" } : file);
  const live = new Map(observed.files.map((file) => [file.path, file]));
  const changes = desired.files.flatMap((file): FileChange[] => {
    const found = live.get(file.path);
    live.delete(file.path);
    const { path } = file;
    const drift = edited.has(path);
    if (!found) {
      const diff = diffOf(path, file, undefined);
      return [{ path, action: "create", diff, note: noteOf(diff, file, undefined), drift }];
    }
    // an edit that is described by now is written down in the next manifest
    if (found.sha256 === file.sha256 && found.mode === file.mode) {
      return drift
        ? [{ path, action: "update", diff: "", note: "stays as it was edited", drift: false }]
        : [];
    }
    const diff = found.content === null ? "" : diffOf(path, file, ours(found));
    const note = noteOf(diff, file, found);
    return [
      {
        path,
        action: "update",
        diff,
        note,
        drift: drift && (found.mode !== file.mode || !hasSameWords(file, found)),
      },
    ];
  });
  const deleted = [...live.values()].filter(({ path }) => !stays.has(path));
  return [
    ...changes,
    ...deleted.map((file): FileChange => {
      const { path } = file;
      const diff = file.content === null ? "" : diffOf(path, undefined, ours(file));
      return { path, action: "delete", diff, note: noteOf(diff, undefined, file), drift: edited.has(path) };
    }),
  ];
}

/** They differ in the identity at most, which nobody edits. */
function hasSameWords(file: DesiredFile, found: ObservedFile | undefined): boolean {
  if (found?.sha256 === file.sha256) return true;
  const content = found?.content ?? "";
  return hasIdentity(content) && withoutIdentity(content) === withoutIdentity(file.content);
}

function noteOf(diff: string, file: DesiredFile | undefined, found: ObservedFile | undefined): string | null {
  if (file && found && file.mode !== found.mode) return `mode ${found.mode} becomes ${file.mode}`;
  if (diff !== "") return null;
  if (found?.content === null) return "not shown: it is too large, or secret";
  if (!file || !found) return "empty";
  return hasSameWords(file, found) ? "its identity alone" : "not shown: it is secret";
}

function diffOf(path: string, desired: DesiredFile | undefined, observed: ObservedFile | undefined): string {
  const sides = shownSides(desired, observed);
  return sides ? unifiedDiff(path, sides.before, sides.after) : "(not shown: it depends on secrets)\n";
}

/** A change that was written but never loaded is seen here: what counts is what the running worker says it loaded. */
function activation(
  desired: DesiredHost,
  observed: ObservedHost,
  {
    install,
    files,
    rewritten,
  }: { install: readonly string[]; files: readonly FileChange[]; rewritten: boolean },
): HostPlan["activate"] {
  if (install.length > 0) return { how: "reload", why: "the first configuration" };
  if (!observed.service.active) return { how: "start", why: "the service is not running" };
  if (observed.loadedIdentity === desired.identity) {
    if (files.length > 0) return { how: "reload", why: "the files on disk changed" };
    const others = othersOf(observed);
    if (observed.changedSinceLoad.some((path) => !others.has(path))) {
      return { how: "reload", why: "files changed after HAProxy loaded them" };
    }
    return rewritten ? { how: "reload", why: "its files are written anew" } : null;
  }
  if (files.length === 0) return { how: "reload", why: "what is on disk was never loaded" };
  const live = new Map(observed.files.map((file) => [file.path, file]));
  const same = desired.files
    .filter((file) => hasSameWords(file, live.get(file.path)))
    .map(({ path }) => path);
  if (!files.every(({ path }) => same.includes(path))) {
    return { how: "reload", why: "the configuration changed" };
  }
  // a rollback that kept lists leaves a set with the identity of another one
  return Object.keys(observed.watched).length > 0
    ? { how: "reload", why: "a file it loads changed on the host" }
    : { how: "reload", why: "its identity is that of another set" };
}
