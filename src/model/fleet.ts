import type { Problem } from "../errors.ts";

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
export type Connection = SshConnection | InstanceConnection | LocalConnection;

export interface Becoming {
  /** Run scripts through sudo, unless the login is root already. */
  readonly become: boolean;
  /** What sudo may ask for. A function, so that nothing that prints a connection prints it. */
  readonly becomePassword?: () => string;
}

export interface SshConnection extends Becoming {
  readonly kind: "ssh";
  /** ansible_host, else the inventory name. Checked: never starts with `-`, no white space or shell characters. */
  readonly address: string;
  readonly port?: number;
  readonly user?: string;
  readonly keyFile?: string;
  /** Words of ansible_ssh_common_args and ansible_ssh_extra_args, in that order. */
  readonly sshArgs: readonly string[];
}

/** A container or virtual machine, entered through its daemon's own client. */
export interface InstanceConnection extends Becoming {
  readonly kind: "incus" | "lxd";
  readonly remote: string;
  readonly project: string;
  readonly instance: string;
}

/** This machine. */
export interface LocalConnection extends Becoming {
  readonly kind: "local";
}

export interface Group {
  readonly name: string;
  /** Hosts of the group and of its children, in inventory order. */
  readonly hosts: readonly string[];
  readonly children: readonly string[];
}

export interface Host {
  readonly name: string;
  /** Where the inventory names it first. */
  readonly origin: Origin;
  /** Every group the host is in, `all` first, parents before children. */
  readonly groups: readonly string[];
  /** Merged by Ansible's precedence, role defaults lowest, references resolved. */
  readonly vars: Variables;
  /** Why a variable of `vars` has the text that was written in place of its value; nothing to say when that is told elsewhere. */
  readonly unresolved: ReadonlyMap<string, readonly Problem[]>;
  /** Some variables could not be read: what is here may be overridden. Never so in a project. */
  readonly isPartial?: boolean;
  readonly connection: Connection;
}

/** Hosts of known groups, or whatever there is. */
export type Lacking = "hosts" | "anything";

/** The inventory, merged and checked. */
export interface Fleet {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly groups: ReadonlyMap<string, Group>;
  /** What may be in the inventory and is not here, since it could not be read. Never so in a project. */
  readonly lacks?: Lacking;
}
