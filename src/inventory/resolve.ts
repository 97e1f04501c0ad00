import { dirname } from "node:path";
import type { Problem } from "../errors.ts";
import type { Connection, Fleet, Host, Variables } from "../model/fleet.ts";
import { readAddress } from "../document/address.ts";
import { listOf, mapOf, Part } from "../document/part.ts";
import { Problems } from "../document/problems.ts";
import { Vault } from "../document/vault.ts";
import { connectionNames, readConnection } from "./connection.ts";
import { HostProblems } from "./host-problems.ts";
import { hostLayers, type Layer } from "./layers.ts";
import { computeMembership, type Membership } from "./membership.ts";
import { Scope, Unresolved } from "./references.ts";
import type { WrittenHost, WrittenInventory } from "./written.ts";

export interface ResolveOptions {
  /** The role's defaults, below everything. */
  readonly defaults: Variables;
  /** From -e, above everything. */
  readonly extraVars: Variables;
  /** Further names that must resolve, e.g. those of the role's schema. */
  readonly needed?: Iterable<string>;
  /** Opens values under `!vault`: those that are needed, since each costs milliseconds. */
  readonly vault?: Vault;
  /** Told of each variable that is not needed and cannot be resolved. */
  readonly onUnresolved?: (problem: Problem, host: string) => void;
}

/**
 * Merges variables by Ansible's precedence and replaces `{{ name }}` references.
 * A variable that lbctl needs and cannot resolve is an error; any other keeps its text, since Ansible is lazy too.
 * Throws LbctlError `invalid` with every problem of all hosts.
 */
export function resolveFleet(written: WrittenInventory, options: ResolveOptions): Fleet {
  const membership = computeMembership(written);
  const layersOf = hostLayers(written, membership, options);
  const known = new Set([...Object.keys(options.defaults), ...(options.needed ?? [])]);
  // lbctl_* are read by drills, which must never run a half-resolved command
  const isNeeded = (name: string): boolean => known.has(name) || name.startsWith("lbctl_");
  const vault = options.vault ?? new Vault([]);
  const problems = new HostProblems({ namesOne: true });
  const magic = groupsVariable(membership);
  const hosts = new Map<string, Host>();
  for (const host of written.hosts.values()) {
    const groups = membership.groupsOf(host.name);
    const raw = layersOf(host);
    const scope = new Scope(withMagic(raw, host, groups, magic), vault);
    const resolved = resolveAll(raw, scope, (name) => isNeeded(name) || name.startsWith("ansible_"));
    for (const [name, found] of resolved.unresolved) {
      found.forEach((problem) => {
        if (isNeeded(name)) problems.add(problem, host.name);
        else options.onUnresolved?.(problem, host.name);
      });
    }
    hosts.set(host.name, new ResolvedHost(host.name, groups, resolved));
  }
  problems.throwIfAny();
  return { hosts, groups: membership.groups };
}

interface Resolved {
  readonly vars: Variables;
  /** Why a variable of `vars` still holds its raw text. */
  readonly unresolved: ReadonlyMap<string, readonly Problem[]>;
}

function resolveAll(raw: Layer, scope: Scope, opens: (name: string) => boolean): Resolved {
  const unresolved = new Map<string, readonly Problem[]>();
  const vars = new Map<string, Part>(raw);
  const read = (name: string, part: Part): void => {
    try {
      vars.set(name, scope.get(name));
    } catch (error) {
      if (!(error instanceof Unresolved)) throw error;
      unresolved.set(name, error.problems);
      vars.set(name, part);
    }
  };
  for (const [name, part] of raw) if (opens(name)) read(name, part);
  // what only the others refer to stays encrypted
  scope.close();
  for (const [name, part] of raw) if (!opens(name)) read(name, part);
  return { vars: Object.fromEntries(vars), unresolved };
}

const magicOrigin = { file: "lbctl", line: 1 };

function text(value: string): Part {
  return new Part(value, magicOrigin);
}

function groupsVariable(membership: Membership): Part {
  const lists = [...membership.groups.values()].map(
    (group) => [group.name, listOf(group.hosts.map(text), magicOrigin)] as const,
  );
  return mapOf(new Map(lists), magicOrigin);
}

/** What Ansible defines by itself. */
function withMagic(raw: Layer, host: WrittenHost, groups: readonly string[], all: Part): Layer {
  const { name, file } = host;
  const names = groups.filter((group) => group !== "all").sort();
  const short = "canonical" in readAddress(name) ? name : (name.split(".")[0] ?? name);
  return new Map([
    ["inventory_file", text(file)],
    ["inventory_dir", text(dirname(file))],
    ...raw,
    ["inventory_hostname", text(name)],
    ["inventory_hostname_short", text(short)],
    ["group_names", listOf(names.map(text), magicOrigin)],
    ["groups", all],
  ]);
}

/** A host that looks at its connection when it is first used: most hosts of a fleet are never connected to. */
class ResolvedHost implements Host {
  readonly name: string;
  readonly groups: readonly string[];
  readonly vars: Variables;
  readonly #unresolved: Resolved["unresolved"];
  #connection: Connection | undefined;

  constructor(name: string, groups: readonly string[], { vars, unresolved }: Resolved) {
    this.name = name;
    this.groups = groups;
    this.vars = vars;
    this.#unresolved = unresolved;
  }

  /** Throws LbctlError `invalid` when lbctl cannot connect as the inventory says. */
  get connection(): Connection {
    if (!this.#connection) {
      const problems = new Problems();
      for (const name of connectionNames) problems.addAll(this.#unresolved.get(name) ?? []);
      problems.throwIfAny();
      this.#connection = readConnection(this.name, this.vars);
    }
    return this.#connection;
  }
}
