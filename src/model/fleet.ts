/** Anything YAML can say, after tags and merge keys are resolved. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };

export type Path = readonly (string | number)[];

/** Where a value was written. `line` counts from 1. */
export interface Origin {
  readonly file: string;
  readonly line: number;
}

/** A value that knows where it, and each part of it, was written. */
export interface Variable {
  readonly value: Value;
  /** The origin of the part at `path`, or of the nearest enclosing part that has one. */
  originOf(path: Path): Origin;
}

export type Variables = Readonly<Record<string, Variable>>;

/** How to reach a host, from its ansible_* variables. */
export interface Connection {
  readonly kind: "ssh";
  /** ansible_host, else the inventory name. Checked: never starts with `-`, no white space or shell characters. */
  readonly address: string;
  readonly port?: number;
  readonly user?: string;
  readonly keyFile?: string;
  /** Words of ansible_ssh_common_args and ansible_ssh_extra_args, in that order. */
  readonly sshArgs: readonly string[];
  /** Run scripts through sudo. */
  readonly become: boolean;
}

export interface Group {
  readonly name: string;
  /** Hosts of the group and of its children, in inventory order. */
  readonly hosts: readonly string[];
  readonly children: readonly string[];
}

export interface Host {
  readonly name: string;
  /** Every group the host is in, `all` first, parents before children. */
  readonly groups: readonly string[];
  /** Merged by Ansible's precedence, role defaults lowest, references resolved. */
  readonly vars: Variables;
  readonly connection: Connection;
}

/** The inventory, merged and checked. */
export interface Fleet {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly groups: ReadonlyMap<string, Group>;
}
