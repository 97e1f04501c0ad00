import { dirname } from "node:path";
import type { Problem } from "../errors.ts";
import type { Connection, Fleet, Host, Origin, Variables } from "../model/fleet.ts";
import { readAddress } from "../document/address.ts";
import { listOf, mapOf, Part } from "../document/part.ts";
import { Vault } from "../document/vault.ts";
import { readConnection } from "./connection.ts";
import { HostProblems } from "./host-problems.ts";
import { hostLayers, varFolders, type Layer } from "./layers.ts";
import { computeMembership, type Membership } from "./membership.ts";
import { magicOrigin, Scope, Unresolved } from "./references.ts";
import type { WrittenHost, WrittenInventory } from "./written.ts";

export interface ResolveOptions {
  /** The role's defaults, below everything. */
  readonly defaults: Variables;
  /** From -e, above everything. */
  readonly extraVars: Variables;
  /** Further names that must resolve, e.g. those of the role's schema. */
  readonly needed?: Iterable<string>;
  /** What a variable is when it is a secret text: what comes out of a vault is text, whatever was put in. */
  readonly typed?: (name: string, part: Part) => Part;
  /** Variables of -e could not be read. */
  readonly lacksExtraVars?: boolean;
  /** Opens values under `!vault`: those that are needed, since each costs milliseconds. */
  readonly vault?: Vault;
}

export interface ResolvedFleet {
  readonly fleet: Fleet;
  /** Those of all hosts. What else is wrong with the fleet can be told beside them. */
  readonly problems: readonly Problem[];
}

/**
 * Merges variables by Ansible's precedence and replaces `{{ name }}` references.
 * A variable that lbctl needs and cannot resolve is a problem; any other keeps its text, since Ansible is lazy too.
 */
export function resolveFleet(written: WrittenInventory, options: ResolveOptions): ResolvedFleet {
  const membership = computeMembership(written);
  const isNeeded = neededBy(options);
  const resolve = resolver(written, membership, options);
  const problems = new HostProblems({ namesOne: true });
  const hosts = new Map<string, Host>();
  for (const host of written.hosts.values()) {
    const resolved = resolve(host);
    for (const [name, found] of resolved.unresolved) {
      if (isNeeded(name))
        found.forEach((problem) => {
          problems.add(problem, host.name);
        });
    }
    hosts.set(host.name, new ResolvedHost(host, membership.groupsOf(host.name), resolved));
  }
  const { lacks } = written;
  return { fleet: { hosts, groups: membership.groups, ...(lacks && { lacks }) }, problems: problems.list() };
}

/** The same for looking at: nothing is an error, `onUnresolved` is told what keeps its text. */
export function resolveLayers(
  written: WrittenInventory,
  options: ResolveOptions & { readonly onUnresolved: (problem: Problem) => void },
): (host: WrittenHost) => Layer {
  const resolve = resolver(written, computeMembership(written), options);
  return (host) => {
    const { vars, unresolved } = resolve(host);
    for (const found of unresolved.values()) found.forEach(options.onUnresolved);
    return new Map(Object.entries(vars));
  };
}

// lbctl_* are read by drills, which must never run a half-resolved command
function neededBy({ defaults, needed }: ResolveOptions): (name: string) => boolean {
  const known = new Set([...Object.keys(defaults), ...(needed ?? [])]);
  return (name) => known.has(name) || name.startsWith("lbctl_");
}

function resolver(
  written: WrittenInventory,
  membership: Membership,
  options: ResolveOptions,
): (host: WrittenHost) => Resolved {
  const layersOf = hostLayers(written, membership, options);
  const isNeeded = neededBy(options);
  const vault = options.vault ?? new Vault([]);
  const magic = groupsVariable(membership);
  const unread = [written, ...varFolders(written)].flatMap((part) => [...part.unread]);
  return (host) => {
    const raw = layersOf(host);
    const names = [host.name, ...membership.groupsOf(host.name)];
    const isPartial =
      written.lacks === "anything" ||
      options.lacksExtraVars === true ||
      unread.some((name) => names.includes(name));
    const all = withMagic(raw, host, membership.groupsOf(host.name), magic);
    const scope = new Scope(all, vault, { isPartial, lacksHosts: written.lacks === "hosts" });
    const opens = (name: string): boolean => isNeeded(name) || name.startsWith("ansible_");
    return { ...resolveAll(raw, scope, opens, options.typed), isPartial };
  };
}

interface Resolved {
  readonly vars: Readonly<Record<string, Part>>;
  /** Why a variable of `vars` still holds its raw text. */
  readonly unresolved: ReadonlyMap<string, readonly Problem[]>;
  readonly isPartial: boolean;
}

function resolveAll(
  raw: Layer,
  scope: Scope,
  opens: (name: string) => boolean,
  typed: ResolveOptions["typed"] = (_, part) => part,
): Omit<Resolved, "isPartial"> {
  const unresolved = new Map<string, readonly Problem[]>();
  const vars = new Map<string, Part>(raw);
  const read = (name: string, part: Part): void => {
    try {
      const found = scope.get(name);
      vars.set(name, found.isSecret ? typed(name, found) : found);
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
  readonly origin: Origin;
  readonly groups: readonly string[];
  readonly vars: Variables;
  readonly unresolved: Resolved["unresolved"];
  readonly isPartial: boolean;
  #connection: Connection | undefined;

  constructor(
    { name, origin }: WrittenHost,
    groups: readonly string[],
    { vars, unresolved, isPartial }: Resolved,
  ) {
    this.name = name;
    this.origin = origin;
    this.groups = groups;
    this.vars = vars;
    this.unresolved = unresolved;
    this.isPartial = isPartial;
  }

  /** Throws LbctlError `invalid` when lbctl cannot connect as the inventory says. */
  get connection(): Connection {
    this.#connection ??= readConnection(this);
    return this.#connection;
  }
}
