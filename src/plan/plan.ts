import type {
  DesiredFile,
  DesiredHost,
  FileChange,
  HostPlan,
  ObservedFile,
  ObservedHost,
} from "../model/host.ts";
import { hasIdentity, unifiedDiff } from "./diff.ts";
import { shownSides } from "./shown.ts";

/** Compares what a host should have with what it has. Pure: `lbctl plan` shows this, `lbctl apply` does it. */
export function makePlan(desired: DesiredHost, observed: ObservedHost): HostPlan {
  const install = Object.entries(observed.packages)
    .filter(([, versions]) => versions.installed === null)
    .map(([name]) => name);
  const files = fileChanges(desired, observed);
  const links = Object.entries(observed.links)
    .filter(([, state]) => state !== "linked")
    .map(([name]) => name);
  const activate = activation(desired, observed, install, files);
  const enable = install.length === 0 && !observed.service.enabled;
  return {
    host: desired.host,
    changes: install.length + files.length + links.length > 0 || activate !== null || enable,
    install,
    files,
    links,
    activate,
    enable,
    adopts: observed.handMade,
    warnings: desired.warnings,
  };
}

function fileChanges(desired: DesiredHost, observed: ObservedHost): FileChange[] {
  // who takes over a configuration must be able to read it, whatever its mode is; not so one that lbctl wrote
  const foreign =
    observed.generation === null && !observed.files.some(({ content }) => hasIdentity(content ?? ""));
  const ours = (file: ObservedFile): ObservedFile => (foreign ? { ...file, mode: "0644" } : file);
  const live = new Map(observed.files.map((file) => [file.path, file]));
  const changes = desired.files.flatMap((file): FileChange[] => {
    const found = live.get(file.path);
    live.delete(file.path);
    if (!found) return [{ path: file.path, action: "create", diff: diffOf(file.path, file, undefined) }];
    if (found.sha256 === file.sha256 && found.mode === file.mode) return [];
    const diff = found.content === null ? "" : diffOf(file.path, file, ours(found));
    return [{ path: file.path, action: "update", diff }];
  });
  const deleted = [...live.values()].map((file): FileChange => ({
    path: file.path,
    action: "delete",
    diff: file.content === null ? "" : diffOf(file.path, undefined, ours(file)),
  }));
  return [...changes, ...deleted];
}

function diffOf(path: string, desired: DesiredFile | undefined, observed: ObservedFile | undefined): string {
  const sides = shownSides(desired, observed);
  return sides ? unifiedDiff(path, sides.before, sides.after) : "(not shown: it depends on secrets)\n";
}

/** A change that was written but never loaded is seen here: what counts is what the running worker says it loaded. */
function activation(
  desired: DesiredHost,
  observed: ObservedHost,
  install: readonly string[],
  files: readonly FileChange[],
): HostPlan["activate"] {
  if (install.length > 0) return { how: "reload", why: "the first configuration" };
  if (!observed.service.active) return { how: "start", why: "the service is not running" };
  if (observed.loadedIdentity === desired.identity) {
    return files.length > 0 ? { how: "reload", why: "the files on disk changed" } : null;
  }
  if (files.some((change) => change.diff !== "")) return { how: "reload", why: "the configuration changed" };
  if (files.length > 0) return { how: "reload", why: "a file it loads changed on the host" };
  return { how: "reload", why: "what is on disk was never loaded" };
}
