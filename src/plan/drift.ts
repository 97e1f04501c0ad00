import type { ManifestFile } from "../model/history.ts";
import type { ObservedHost } from "../model/host.ts";

/** What somebody did by hand to the set that lbctl wrote: names in the live directory. */
export interface Drift {
  /** With another content or mode than in the manifest, added, or removed. */
  readonly files: ReadonlySet<string>;
  /** Links with something else in their place. */
  readonly links: readonly string[];
}

/** Compares what is live with the manifest of the current generation; without one nothing is known. Pure. */
export function driftOf({ written, handMade, links, files }: ObservedHost): Drift {
  if (written === null) return { files: new Set(), links: [] };
  // a missing link hides its files, and a file that the package ships is nobody's edit
  const replaced = handMade
    ? Object.keys(links).filter((name) => links[name] !== "linked" && links[name] !== "missing")
    : [];
  const counts = ({ path }: { readonly path: string }): boolean =>
    links[topOf(path)] === "linked" || replaced.includes(topOf(path));
  const was = new Map(written.map((file) => [file.path, file]));
  const is = new Map(files.map((file) => [file.path, file]));
  const others = othersOf({ written, files });
  const changed = files.filter((file) => !others.has(file.path) && !isSame(file, was.get(file.path)));
  const removed = written.filter(({ path }) => !is.has(path));
  return { files: new Set([...changed, ...removed].filter(counts).map(({ path }) => path)), links: replaced };
}

/** Whether what is live is another set than lbctl wrote, be it described by now or not. Pure. */
export function isEdited(observed: ObservedHost): boolean {
  const { files, links } = driftOf(observed);
  return files.size + links.length > 0;
}

/** Files that lbctl leaves to others: what no manifest names in `certs/`, where certificates are renewed. */
export function othersOf({ written, files }: Pick<ObservedHost, "written" | "files">): ReadonlySet<string> {
  const named = new Set(written?.map(({ path }) => path));
  return new Set(
    files.map(({ path }) => path).filter((path) => path.startsWith("certs/") && !named.has(path)),
  );
}

/** The name in the live directory that a path is below, or is. */
export function topOf(path: string): string {
  return path.split("/")[0] ?? "";
}

function isSame(one: ManifestFile, other: ManifestFile | undefined): boolean {
  return other?.sha256 === one.sha256 && other.mode === one.mode;
}
