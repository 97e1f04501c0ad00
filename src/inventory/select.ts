import { didYouMean } from "../document/words.ts";
import { LbctlError, type Problem } from "../errors.ts";
import type { Group } from "../model/fleet.ts";
import { hostTest } from "./glob.ts";
import { readHostAddress } from "./host-address.ts";

const lineHint = "Each line of a limit file is one part of a pattern, such as a host, a group or !group.";

/** Who can be selected: a `Fleet` is one, and so is an inventory whose variables nobody has resolved. */
export interface Selectable {
  readonly hosts: ReadonlyMap<string, unknown>;
  readonly groups: ReadonlyMap<string, Group>;
}

/** One part of a pattern, and the `file:line` where it stands, if it stands in a file. */
export interface PatternPart {
  readonly text: string;
  readonly at?: string;
}

/**
 * Hosts that match an Ansible pattern, or several of them: names, groups, `all`, globs, `~regex`, `a,b` or `a:b`,
 * `a:&b`, `a:!b`, `group[0]`, `group[0:2]`. In Ansible's order.
 * Throws LbctlError `invalid` for each part that matches no name at all.
 */
export function selectHosts(inventory: Selectable, pattern: string | readonly PatternPart[]): string[] {
  const parts = typeof pattern === "string" ? splitPattern(pattern).map((text) => ({ text })) : pattern;
  const plain = parts.filter(({ text }) => !/^[&!]/.test(text));
  const required = parts.filter(({ text }) => text.startsWith("&"));
  const excluded = parts.filter(({ text }) => text.startsWith("!"));
  if (parts.length === 0) {
    throw new LbctlError("invalid", {
      what: `the host pattern ${JSON.stringify(pattern)} is empty`,
      hint: "Name a host or a group, or `all`.",
    });
  }
  const problems: Problem[] = [];
  const match = ({ text, at }: PatternPart): readonly string[] => {
    try {
      return matchOne(inventory, text.replace(/^[&!]/, ""));
    } catch (error) {
      if (!(error instanceof LbctlError)) throw error;
      problems.push(
        ...error.problems.map((problem) => (at === undefined ? problem : { ...problem, at, hint: lineHint })),
      );
      return [];
    }
  };
  // a host goes before a group of its name, but for what is required or excluded
  const matchPlain = (part: PatternPart): readonly string[] =>
    inventory.hosts.has(part.text) ? [part.text] : match(part);
  let hosts = new Set((plain.length > 0 ? plain : [{ text: "all" }]).flatMap(matchPlain));
  for (const part of required) {
    const others = new Set(match(part));
    hosts = new Set([...hosts].filter((host) => others.has(host)));
  }
  for (const part of excluded) match(part).forEach((host) => hosts.delete(host));
  if (problems.length > 0) throw new LbctlError("invalid", problems);
  return [...hosts];
}

/** The parts of a pattern. With a comma only commas part them; colons do unless the whole is a host or a range. */
export function splitPattern(pattern: string): string[] {
  const pieces = pattern.includes(",")
    ? pattern.split(",")
    : readHostAddress(pattern)
      ? [pattern]
      : (pattern.match(/(?:[^\s:[\]]|\[[^\]]*\])+/g) ?? []);
  return pieces.map((piece) => piece.trim()).filter((piece) => piece !== "");
}

function matchOne(inventory: Selectable, part: string): readonly string[] {
  const [name, subscript] = splitSubscript(part);
  const found = name === "" ? undefined : hostsMatching(inventory, name);
  if (!found) {
    const near = didYouMean(name, [...inventory.groups.keys(), ...inventory.hosts.keys()]);
    throw new LbctlError("invalid", {
      what:
        name === ""
          ? "a part of the host pattern names nobody"
          : `no host or group matches "${name}"${near ? `; ${near}` : ""}`,
      hint: "Name a host or group of the inventory.",
    });
  }
  if (!subscript || found.length === 0) return found;
  const chosen = found.slice(...bounds(subscript, found.length));
  if (chosen.length === 0 && subscript.last === undefined) {
    const size = `${found.length} ${found.length === 1 ? "host" : "hosts"}`;
    throw new LbctlError("invalid", {
      what: `"${part}" is out of range: ${name} has ${size}`,
      hint: "Count from 0.",
    });
  }
  return chosen;
}

/** `last` is absent for one host, and Infinity for all from `first` on. */
interface Subscript {
  readonly first: number;
  readonly last?: number;
}

/** `web[1]`, `web[-1]`, `web[0:2]` or `web[0-2]` (both ends included) and `web[1:]`. */
function splitSubscript(part: string): [string, Subscript?] {
  const match = part.startsWith("~") ? null : /^(.+)\[(?:(-?\d+)|(\d+)[:-](\d*))\]$/.exec(part);
  if (!match) return [part];
  const [, name = "", index, first = "0", last = ""] = match;
  if (index !== undefined) return [name, { first: Number(index) }];
  // to Ansible an end of 0 is no end: web[2:0] is web[2]
  if (/^0+$/.test(last)) return [name, { first: Number(first) }];
  return [name, { first: Number(first), last: last === "" ? Infinity : Number(last) }];
}

function bounds({ first, last }: Subscript, size: number): [number, number] {
  if (last !== undefined) return [first, last + 1];
  const index = first < 0 ? first + size : first;
  return index < 0 ? [size, size] : [index, index + 1];
}

/** undefined when the name matches nothing; an empty group is a match. A host may stand in it twice. */
function hostsMatching({ hosts, groups }: Selectable, name: string): string[] | undefined {
  const test = hostTest(name);
  const matching = [...groups.values()].filter((group) => test(group.name));
  const found = matching.flatMap((group) => group.hosts);
  if (matching.length > 0 && !/^~|[.?*[]/.test(name)) return found;
  found.push(...[...hosts.keys()].filter(test));
  return matching.length === 0 && found.length === 0 ? undefined : found;
}
