import type { ManifestFile } from "./history.ts";
import type { Undecided } from "./undecided.ts";

/** A file of a configuration set, rendered. */
export interface DesiredFile {
  /** Relative to the set's root. */
  readonly path: string;
  readonly content: string;
  /**
   * The content for people where it tells of secrets: line by line the same, but with those masked; null when that
   * cannot be had. Absent when the file holds none. The identity tells of them too: it is a hash of them.
   */
  readonly masked?: string | null;
  /** Octal, e.g. `0644`; a file that holds secrets is not for everybody to read. */
  readonly mode: string;
  /** Hex. As telling as the content: not for people where `masked` is there. */
  readonly sha256: string;
}

/** What a host should have. Pure data. */
export interface DesiredHost {
  readonly host: string;
  readonly files: readonly DesiredFile[];
  /** Hash of what only a reload can load; HAProxy reports it as its `description`. */
  readonly identity: string;
  /** The identity for people: masked where it is a hash of secrets, which could be guessed and tried. */
  readonly shownIdentity: string;
  /** Things worth knowing that do not stop an apply. */
  readonly warnings: readonly string[];
}

/** Files on the target that others own: path → sha256 in hex, or null when there is none. */
type Watched = Readonly<Record<string, string | null>>;

/** What a template may know about the target besides the inventory. */
export interface Facts {
  /** `major.minor`, e.g. `2.6`. */
  readonly haproxyVersion: string;
  readonly watched: Watched;
}

export interface ObservedFile {
  /** Relative to the live directory. */
  readonly path: string;
  readonly sha256: string;
  readonly mode: string;
  /** null when the file is too large, or too secret, to be sent. */
  readonly content: string | null;
}

/** What stands in the live directory where a link into the current generation belongs. */
export type LinkState = "linked" | "missing" | "file" | "directory" | "elsewhere";

/** How lbctl's drop-in of the service stands against what it should be; `none`: there is no such service. */
export type DropInState = "none" | "missing" | "different" | "same";

/** What one read-only round trip found on a host. */
export interface ObservedHost {
  readonly host: string;
  /** `ID` and `VERSION_ID` of os-release. */
  readonly os: { readonly id: string; readonly version: string };
  /** Of the user that lbctl is on the host; 0 is root. */
  readonly uid: number;
  /** Installed version of each package of the role, and what apt would install; null where there is none. */
  readonly packages: Readonly<Record<string, { installed: string | null; candidate: string | null }>>;
  /** Of the program on disk, e.g. `2.6.12`; null when it is not installed. */
  readonly haproxyVersion: string | null;
  readonly service: { readonly active: boolean; readonly enabled: boolean };
  /** `description` of the running worker; null when it has none or nothing answers. */
  readonly loadedIdentity: string | null;
  /** Number of the current generation; null before the first apply. */
  readonly generation: number | null;
  /** What lbctl wrote into the current generation, by its manifest; null when there is none. */
  readonly written: readonly ManifestFile[] | null;
  readonly links: Readonly<Record<string, LinkState>>;
  readonly files: readonly ObservedFile[];
  /**
   * What changed after the running worker began to load it: files and links of the live set, by their names there, and
   * watched files.
   */
  readonly changedSinceLoad: readonly string[];
  /** The live set is the operator's own: neither lbctl's nor as the package ships it. */
  readonly handMade: boolean;
  readonly watched: Watched;
  /** Hash of the state that a plan rests on; checked again before anything is changed. */
  readonly digest: string;
  readonly freeBytes: number;
  /** Mark of the program there that goes back without lbctl; null when there is none. */
  readonly console: string | null;
  readonly dropIn: DropInState;
  /** A change that is not confirmed yet; null when there is none. */
  readonly undecided: Undecided | null;
}

export interface FileChange {
  readonly path: string;
  readonly action: "create" | "update" | "delete";
  /** Unified diff without the identity's lines; empty when nothing else differs. */
  readonly diff: string;
  /** What the diff does not tell, for people; null when it tells all. */
  readonly note: string | null;
  /** It overwrites what somebody edited by hand. */
  readonly drift: boolean;
}

/** What differs, and so what apply would do. Pure data. */
export interface HostPlan {
  readonly host: string;
  readonly changes: boolean;
  /** Packages to install. */
  readonly install: readonly string[];
  readonly files: readonly FileChange[];
  /** Names in the live directory that are to become links. */
  readonly links: readonly string[];
  /** What happens to the service, and why; null when nothing does. */
  readonly activate: { readonly how: "reload" | "start"; readonly why: string } | null;
  readonly enable: boolean;
  /** What happens to lbctl's drop-in of the service; null when nothing does. */
  readonly dropIn: "create" | "update" | null;
  /** The current one; null before the first apply. */
  readonly generation: number | null;
  /** The live set is the operator's own and would be taken over. */
  readonly adopts: boolean;
  /** Names in the live directory that were edited, added, removed or replaced by hand since, and would be overwritten. */
  readonly drift: readonly string[];
  readonly warnings: readonly string[];
}
