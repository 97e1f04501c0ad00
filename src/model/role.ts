import type { Variables } from "./fleet.ts";

/** A file that the role renders into the configuration set. */
export interface RoleFile {
  /** Relative to the set's root, `/` between parts, never `..`. */
  readonly path: string;
  /** Below `templates/`, e.g. `haproxy/haproxy.cfg.eta`. */
  readonly template: string;
  /** Octal, e.g. `0644`. */
  readonly mode: string;
}

/** `roles/<name>/`, read: what the role manages, as data. */
export interface Role {
  readonly name: string;
  readonly packages: readonly string[];
  readonly service: string;
  /** The inventory group whose hosts take this role. */
  readonly group: string;
  /** The live directory on the target, e.g. `/etc/haproxy`. */
  readonly live: string;
  /** The state directory on the target, e.g. `/var/lib/lbctl/haproxy`. */
  readonly state: string;
  /** Names in the live directory that are links into the current generation. */
  readonly links: readonly string[];
  /** Variables that name a file on the target, owned by others; when one changes, the service reloads. */
  readonly watch: readonly string[];
  /** Variables that name a port which must be bound; with `when`, only if that variable is not empty. */
  readonly listeners: readonly { readonly port: string; readonly when?: string }[];
  /** The variable that lists addresses which may be bound though they are not the host's. */
  readonly foreignAddresses: string | null;
  /** The variable that says whether a reload waits for checks of the servers; without one it does. */
  readonly healthGate: string | null;
  readonly files: readonly RoleFile[];
  /** Names of built-in steps. */
  readonly steps: {
    readonly validate: "haproxy-check";
    readonly activate: "haproxy-reload";
    readonly verify: "haproxy-serving";
  };
  readonly defaults: Variables;
  /** JSON Schema (draft 2020-12) of the role's variables. */
  readonly schema: object;
}

export interface Template {
  /** As shown in messages, e.g. `templates/haproxy/haproxy.cfg.eta`. */
  readonly file: string;
  readonly text: string;
}
