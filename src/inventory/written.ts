import type { Lacking, Origin } from "../model/fleet.ts";
import type { Part } from "../document/part.ts";

/** Variables by name, in written order. */
export type WrittenVars = ReadonlyMap<string, Part>;

export interface WrittenGroup {
  readonly name: string;
  readonly origin: Origin;
  /** Hosts named in the group itself. */
  readonly hosts: ReadonlySet<string>;
  readonly children: ReadonlySet<string>;
  readonly vars: WrittenVars;
  /** ansible_group_priority: among groups of one depth, the higher wins. */
  readonly priority: number;
}

export interface WrittenHost {
  readonly name: string;
  readonly origin: Origin;
  /** The inventory file that named it first. */
  readonly file: string;
  readonly vars: WrittenVars;
}

/** The group_vars/ and host_vars/ of one inventory source, by group and by host. */
export interface VarFolder {
  /** Groups and hosts of which some file could not be read. */
  readonly unread: ReadonlySet<string>;
  readonly groups: ReadonlyMap<string, WrittenVars>;
  readonly hosts: ReadonlyMap<string, WrittenVars>;
}

/** All inventory sources as written, before variables are merged. `all` and `ungrouped` always exist. */
export interface WrittenInventory {
  readonly groups: ReadonlyMap<string, WrittenGroup>;
  readonly hosts: ReadonlyMap<string, WrittenHost>;
  /** In order: of two sources, the later wins. */
  readonly folders: readonly VarFolder[];
  /** That of the working directory, which stands above those of the sources at each level. */
  readonly project?: VarFolder;
  /** There is more, which could not be read. */
  readonly lacks?: Lacking | undefined;
  /** Groups and hosts of which some variable could not be read. */
  readonly unread: ReadonlySet<string>;
}
