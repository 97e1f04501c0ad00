import type { ManifestFile, ObservedGeneration } from "../model/history.ts";
import type { DesiredFile, DesiredHost, HostPlan, ObservedFile, ObservedHost } from "../model/host.ts";
import { driftOf, topOf } from "./drift.ts";
import { makePlan } from "./plan.ts";

/** Names whose content is changed while HAProxy runs, or that others renew: going back leaves today's there. */
const living = ["lists", "maps", "certs"];

/** What going back to a generation would make of a host. Pure data. */
export interface RollbackPlan {
  readonly plan: HostPlan;
  readonly identity: string;
  /** Names in the live directory that stay as they are today. */
  readonly stays: readonly string[];
  /** Of the new generation, for its manifest. */
  readonly files: readonly ManifestFile[];
}

/** Compares a generation, with today's lists and certificates in it, with what is live. Pure. */
export function planRollback(
  target: ObservedGeneration,
  observed: ObservedHost,
  options: { readonly links: readonly string[]; readonly withCerts: boolean; readonly withLists?: boolean },
): RollbackPlan {
  const goesBack = (name: string): boolean =>
    (name === "certs" ? options.withCerts : options.withLists) === true;
  // what was there before lbctl has lists of its own, or none
  const mayStay = target.isKept ? ["certs"] : living;
  const stays = mayStay.filter((name) => options.links.includes(name) && !goesBack(name));
  const isToday = ({ path }: { path: string }): boolean => stays.includes(topOf(path));
  const desired = [
    ...target.files.filter((file) => !isToday(file)).map(desiredFile),
    ...observed.files.filter(isToday).map((file) => ({ ...file, content: file.content ?? "" })),
  ];
  const host: DesiredHost = {
    host: observed.host,
    files: desired,
    identity: target.manifest.identity,
    shownIdentity: "",
    warnings: [describe(target, stays)],
  };
  return {
    plan: tellTruly(withDrift(makePlan(host, observed, new Set()), observed), target, observed),
    identity: target.manifest.identity,
    stays,
    files: desired.filter(isOurs(target, stays)).map(({ path, mode, sha256 }) => ({ path, mode, sha256 })),
  };
}

/** What stays as it is today would be the new manifest's, and no longer an edit: that is asked for, too. */
function withDrift(plan: HostPlan, observed: ObservedHost): HostPlan {
  const { files, links } = driftOf(observed);
  return {
    ...plan,
    files: plan.files.map((file) => ({ ...file, drift: files.has(file.path) })),
    drift: [...new Set([...links, ...files])],
  };
}

/** Not for everybody to read, so it may hold secrets that nobody knows any more: nothing of it is shown. */
function desiredFile(file: ManifestFile & Pick<ObservedFile, "content">): DesiredFile {
  const shown = { ...file, content: file.content ?? "" };
  return isForAll(file) ? shown : { ...shown, masked: null };
}

function isForAll({ mode }: { readonly mode: string }): boolean {
  return (Number.parseInt(mode, 8) & 0o004) !== 0;
}

/** Certificates that no manifest names are somebody else's: they come along, and may change. */
function isOurs(target: ObservedGeneration, stays: readonly string[]): (file: ManifestFile) => boolean {
  const manifest = stays.includes("certs") ? target.current : target.manifest;
  const named = new Set(manifest?.files.map(({ path }) => path));
  return ({ path }) => !path.startsWith("certs/") || named.has(path);
}

/** A file too large to be sent has no lines to show; and where only the identity differs, nothing does. */
function tellTruly(plan: HostPlan, target: ObservedGeneration, observed: ObservedHost): HostPlan {
  const unsent = new Set(
    target.files.filter((file) => isForAll(file) && file.content === null).map(({ path }) => path),
  );
  const seen = new Map(observed.files.map(({ path, content, mode }) => [path, { content, mode }]));
  const modes = new Map(target.files.map(({ path, mode }) => [path, mode]));
  const files = plan.files.map((file) =>
    unsent.has(file.path) ? { ...file, diff: "", note: "not shown: it is too large" } : file,
  );
  const same = files.every(
    ({ path, action, diff }) =>
      action === "update" &&
      diff === "" &&
      !unsent.has(path) &&
      (seen.get(path)?.content ?? null) !== null &&
      seen.get(path)?.mode === modes.get(path),
  );
  const nothing = files.length > 0 && same && plan.links.length === 0 && observed.service.active;
  if (!nothing) return { ...plan, files };
  return { ...plan, changes: false, files: [], activate: null, enable: false, dropIn: null };
}

function describe({ number, manifest, isKept }: ObservedGeneration, stays: readonly string[]): string {
  const kept = stays.length === 0 ? "" : `; ${stays.join(", ")} stay as they are today`;
  const whose = isKept
    ? `which stood there before lbctl, until ${manifest.at}`
    : `by ${manifest.by} at ${manifest.at}`;
  return `back to generation ${String(number)}, ${whose}${kept}`;
}
