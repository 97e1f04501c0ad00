import type { Undecided } from "./undecided.ts";

/** A file of a generation, as its manifest has it. */
export interface ManifestFile {
  /** Relative to the set's root. */
  readonly path: string;
  /** Octal, e.g. `0644`. */
  readonly mode: string;
  /** Hex. */
  readonly sha256: string;
}

/** A file that a change made, changed or removed. */
export interface ChangedFile {
  readonly path: string;
  readonly action: "create" | "update" | "delete";
}

/** Who changes what, and when. */
export interface Author {
  readonly by: string;
  /** RFC 3339, by the clock of the machine that lbctl runs on. */
  readonly at: string;
  readonly lbctl: string;
  /** Revision of the working directory; null outside of git. */
  readonly git: string | null;
}

/** `manifest.json` of a generation: who made it, and all that is in it. */
export interface Manifest extends Author {
  /** Version of this document's shape. */
  readonly format: 1;
  readonly identity: string;
  /** The generation that this one is a copy of; null, or absent, when it was rendered. */
  readonly restores?: number | null;
  /** Against what was live before; absent from manifests of the first lbctl. */
  readonly changes?: readonly ChangedFile[];
  readonly files: readonly ManifestFile[];
}

/**
 * How a change of a host ended. `unrecorded`: the generation is there, but the history has no line of it; an older
 * lbctl made it, or the host went down at that moment.
 */
export type ChangeOutcome = "changed" | "rollback" | "rolled-back" | "failed" | "released" | "unrecorded";

/** One line of a host's history. */
export interface HistoryEntry extends Author {
  /** Of a change that did not hold: the number that the next one took again. null for a release. */
  readonly generation: number | null;
  readonly outcome: ChangeOutcome;
  /** Why it did not hold; null when it did. */
  readonly reason: string | null;
  readonly restores: number | null;
  readonly files: readonly ChangedFile[];
  /** Its generation is still there, with a manifest. */
  readonly kept: boolean;
}

/** The generations of one host, and what led to them. */
export interface HostHistory {
  readonly host: string;
  readonly current: number | null;
  /** The newest one that was current before; null when there is none to go back to. */
  readonly previous: number | null;
  /** Newest first. */
  readonly entries: readonly HistoryEntry[];
  /** A change that is not confirmed yet; null when there is none. */
  readonly undecided: Undecided | null;
}

/** A generation on a host, checked: it is what its manifest says. */
export interface ObservedGeneration {
  readonly number: number;
  /** What stood there before lbctl. */
  readonly isKept: boolean;
  readonly manifest: Manifest;
  /** All that is in it; what others put into certs/, too. */
  readonly files: readonly GenerationFile[];
  /** The manifest of the current one; null when it has none. */
  readonly current: Manifest | null;
}

export interface GenerationFile extends ManifestFile {
  /** null for a file that is too large, or not for everybody to read. */
  readonly content: string | null;
}
