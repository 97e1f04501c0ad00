/** A file of a configuration set, rendered. */
export interface DesiredFile {
  /** Relative to the set's root. */
  readonly path: string;
  readonly content: string;
  readonly mode: string;
  /** Hex. */
  readonly sha256: string;
}

/** What a host should have. Pure data: rendering reads no file and no network. */
export interface DesiredHost {
  readonly host: string;
  readonly files: readonly DesiredFile[];
  /** Hash of what only a reload can load; HAProxy reports it as its `description`. */
  readonly identity: string;
  /** Things worth knowing that do not stop an apply. */
  readonly warnings: readonly string[];
}

/** What a template may know about the target besides the inventory. */
export interface Facts {
  /** `major.minor`, e.g. `2.6`. */
  readonly haproxyVersion: string;
  /** Watched files on the target: path → sha256 in hex, or null when there is none. */
  readonly watched: Readonly<Record<string, string | null>>;
}

export interface ObservedFile {
  readonly path: string;
  readonly content: string;
  readonly mode: string;
  readonly owner: string;
}

/** What one read-only round trip found on a host. */
export interface ObservedHost {
  readonly host: string;
  /** Debian or Ubuntu, with its version, e.g. `debian 12`. */
  readonly os: string;
  /** Installed versions of the role's packages; null when missing. */
  readonly packages: Readonly<Record<string, string | null>>;
  /** Versions apt would install, where it knows; null where it does not. */
  readonly candidates: Readonly<Record<string, string | null>>;
  readonly service: { readonly active: boolean; readonly enabled: boolean };
  /** `description` of the running worker; null when nothing answers. */
  readonly loadedIdentity: string | null;
  /** Number of the current generation; null before the first apply. */
  readonly generation: number | null;
  /** Names in the live directory that should be links and are not: `missing`, or what stands there instead. */
  readonly brokenLinks: Readonly<Record<string, "missing" | "file" | "directory" | "link">>;
  readonly files: readonly ObservedFile[];
  /** The live haproxy.cfg is a file of the operator's own: neither lbctl's nor as the package ships it. */
  readonly handMade: boolean;
  readonly watched: Readonly<Record<string, string | null>>;
  readonly freeBytes: number;
}

export interface FileChange {
  readonly path: string;
  readonly action: "create" | "update" | "delete";
  /** Unified diff without the identity's lines; empty when only the identity or the mode differs. */
  readonly diff: string;
}

/** What differs, and so what apply would do. Pure data. */
export interface HostPlan {
  readonly host: string;
  readonly install: readonly string[];
  readonly files: readonly FileChange[];
  readonly repairLinks: readonly string[];
  /** Why the service reloads or starts, in words; null when it does not. */
  readonly activate: string | null;
  readonly enable: boolean;
  readonly warnings: readonly string[];
}
