import type { Problem } from "../errors.ts";
import type { Connection, Fleet, Host, Variables } from "../model/fleet.ts";
import { listOf, mapOf, Part, partOf } from "../document/part.ts";
import { Problems } from "../document/problems.ts";
import { connectionNames, readConnection } from "./connection.ts";
import { HostProblems } from "./host-problems.ts";
import { computeMembership, type Membership } from "./membership.ts";
import { Scope, Unresolved } from "./references.ts";
import type { VarFolder, WrittenInventory, WrittenVars } from "./written.ts";

export interface ResolveOptions {
  /** The role's defaults, below everything. */
  readonly defaults: Variables;
  /** From -e, above everything. */
  readonly extraVars: Variables;
  /** Further names that must resolve, e.g. those of the role's schema. */
  readonly needed?: Iterable<string>;
}

type Layer = ReadonlyMap<string, Part>;

/**
 * Merges variables by Ansible's precedence and replaces `{{ name }}` references.
 * A variable that lbctl needs and cannot resolve is an error; any other keeps its text, since Ansible is lazy too.
 * Throws LbctlError `invalid` with every problem of all hosts.
 */
export function resolveFleet(written: WrittenInventory, options: ResolveOptions): Fleet {
  const membership = computeMembership(written);
  const needed = new Set([...Object.keys(options.defaults), ...(options.needed ?? [])]);
  const defaults = layerOf(options.defaults);
  const extraVars = layerOf(options.extraVars);
  const problems = new HostProblems({ namesOne: true });
  const groupLayers = new Map<readonly string[], Layer>();
  const magic = groupsVariable(membership);
  const hosts = new Map<string, Host>();
  for (const host of written.hosts.values()) {
    const groups = membership.groupsOf(host.name);
    let shared = groupLayers.get(groups);
    if (!shared) {
      shared = merge([defaults, ...layersOfGroups(groups, written)]);
      groupLayers.set(groups, shared);
    }
    const own = written.folders.map((folder) => folder.hosts.get(host.name) ?? none);
    const raw = merge([shared, host.vars, ...own, extraVars]);
    const scope = new Scope(withMagic(raw, host.name, groups, magic));
    const resolved = resolveAll(raw, scope);
    for (const [name, found] of resolved.unresolved) {
      // lbctl_* are read by drills, which must never run a half-resolved command
      if (needed.has(name) || name.startsWith("lbctl_"))
        found.forEach((problem) => {
          problems.add(problem, host.name);
        });
    }
    hosts.set(host.name, new ResolvedHost(host.name, groups, resolved));
  }
  problems.throwIfAny();
  return { hosts, groups: membership.groups };
}

const none: WrittenVars = new Map();

/** `all` inline, groups inline, group_vars/all, other group_vars: Ansible's VARIABLE_PRECEDENCE. */
function layersOfGroups(groups: readonly string[], written: WrittenInventory): Layer[] {
  const others = groups.filter((name) => name !== "all");
  const inline = (name: string): Layer => written.groups.get(name)?.vars ?? none;
  const inFolder = (folder: VarFolder, name: string): Layer => folder.groups.get(name) ?? none;
  return [
    inline("all"),
    ...others.map(inline),
    ...written.folders.map((folder) => inFolder(folder, "all")),
    ...written.folders.flatMap((folder) => others.map((name) => inFolder(folder, name))),
  ];
}

function merge(layers: readonly Layer[]): Layer {
  const merged = new Map<string, Part>();
  for (const layer of layers) layer.forEach((part, name) => merged.set(name, part));
  return merged;
}

function layerOf(variables: Variables): Layer {
  return new Map(Object.entries(variables).map(([name, variable]) => [name, partOf(variable)]));
}

interface Resolved {
  readonly vars: Variables;
  /** Why a variable of `vars` still holds its raw text. */
  readonly unresolved: ReadonlyMap<string, readonly Problem[]>;
}

function resolveAll(raw: Layer, scope: Scope): Resolved {
  const unresolved = new Map<string, readonly Problem[]>();
  const read = (name: string, part: Part): Part => {
    try {
      return scope.get(name);
    } catch (error) {
      if (!(error instanceof Unresolved)) throw error;
      unresolved.set(name, error.problems);
      return part;
    }
  };
  const vars = Object.fromEntries([...raw].map(([name, part]) => [name, read(name, part)]));
  return { vars, unresolved };
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
function withMagic(raw: Layer, host: string, groups: readonly string[], all: Part): Layer {
  const names = groups.filter((name) => name !== "all").sort();
  return new Map([
    ...raw,
    ["inventory_hostname", text(host)],
    ["inventory_hostname_short", text(host.split(".")[0] ?? host)],
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
