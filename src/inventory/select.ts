import { readAddress } from "../document/address.ts";
import { LbctlError } from "../errors.ts";
import type { Fleet } from "../model/fleet.ts";
import { didYouMean } from "../document/words.ts";

/**
 * Hosts that match an Ansible pattern: names, groups, `all`, globs, `~regex`, `a,b` or `a:b`, `a:&b`, `a:!b`, `group[0:2]`.
 * Throws LbctlError `invalid` for a part that matches no name at all.
 */
export function selectHosts(fleet: Fleet, pattern: string): string[] {
  const parts = splitPattern(fleet, pattern);
  const plain = parts.filter((part) => !/^[&!]/.test(part));
  const required = parts.filter((part) => part.startsWith("&"));
  const excluded = parts.filter((part) => part.startsWith("!"));
  if (plain.length === 0 && required.length + excluded.length === 0) {
    throw new LbctlError("invalid", {
      what: `the host pattern ${JSON.stringify(pattern)} is empty`,
      hint: "Name a host or a group, or `all`.",
    });
  }
  const [problems, match] = matcher(fleet);
  let hosts = new Set((plain.length > 0 ? plain : ["all"]).flatMap(match));
  for (const part of required) {
    const others = new Set(match(part.slice(1)));
    hosts = new Set([...hosts].filter((host) => others.has(host)));
  }
  for (const part of excluded) match(part.slice(1)).forEach((host) => hosts.delete(host));
  if (problems.length > 0) throw new LbctlError("invalid", problems);
  return [...hosts];
}

function splitPattern(fleet: Fleet, pattern: string): string[] {
  const pieces = pattern.includes(",") ? pattern.split(",") : splitAtColons(fleet, pattern);
  return pieces.map((piece) => piece.trim()).filter((piece) => piece !== "");
}

function splitAtColons(fleet: Fleet, pattern: string): readonly string[] {
  const isAddress = pattern.includes("::") || "canonical" in readAddress(pattern);
  if (fleet.hosts.has(pattern) || (isAddress && "canonical" in readAddress(pattern))) return [pattern];
  return pattern.match(/(?:[^\s:[\]]|\[[^\]]*\])+/g) ?? [];
}

type Match = (part: string) => readonly string[];

function matcher(fleet: Fleet): [{ what: string; hint: string }[], Match] {
  const problems: { what: string; hint: string }[] = [];
  const match: Match = (part) => {
    const [name, slice] = splitSubscript(fleet, part);
    const found = name === "" ? undefined : hostsMatching(fleet, name);
    if (found) {
      const chosen = slice ? found.slice(...slice) : found;
      if (slice && chosen.length === 0 && found.length > 0 && !part.includes(":")) {
        problems.push({
          what: `"${part}" is out of range: ${name} has ${found.length} hosts`,
          hint: "Count from 0.",
        });
      }
      return chosen;
    }
    const near = didYouMean(name, [...fleet.groups.keys(), ...fleet.hosts.keys()]);
    problems.push({
      what: `no host or group matches "${name}"${near ? `; ${near}` : ""}`,
      hint: "Name a host or group of the inventory.",
    });
    return [];
  };
  return [problems, match];
}

/** `web[1]`, `web[0:2]` (both ends included) and `web[1:]`. */
function splitSubscript(fleet: Fleet, part: string): [string, [number, number | undefined]?] {
  const match = /^(.+)\[(?:(-?\d+)|(\d+):(\d*))\]$/.exec(part);
  if (!match || part.startsWith("~") || fleet.hosts.has(part)) return [part];
  const [, name = "", index, start = "0", end = ""] = match;
  if (index !== undefined)
    return [name, [Number(index), Number(index) === -1 ? undefined : Number(index) + 1]];
  return [name, [Number(start), end === "" ? undefined : Number(end) + 1]];
}

/** undefined when the name matches nothing; an empty group is a match. */
function hostsMatching(fleet: Fleet, name: string): string[] | undefined {
  if (name === "*") return hostsMatching(fleet, "all");
  const test = testOf(name);
  const groups = [...fleet.groups.values()].filter((group) => test(group.name));
  const found = new Set(groups.flatMap((group) => group.hosts));
  if (groups.length === 0 || /^~|[.?*[]/.test(name)) {
    const hosts = [...fleet.hosts.keys()].filter(test);
    if (groups.length === 0 && hosts.length === 0) return undefined;
    hosts.forEach((host) => found.add(host));
  }
  return [...found];
}

function testOf(name: string): (text: string) => boolean {
  const isPattern = name.startsWith("~") || /[?*[]/.test(name);
  if (!isPattern) return (text) => text === name;
  const source = name.startsWith("~") ? `^(?:${name.slice(1)})` : `^${globSource(name)}$`;
  let regex: RegExp;
  try {
    regex = new RegExp(source);
  } catch {
    throw new LbctlError("invalid", {
      what: `the host pattern ${JSON.stringify(name)} is not a valid regular expression`,
      hint: "Check its brackets.",
    });
  }
  return (text) => regex.test(text);
}

function globSource(glob: string): string {
  return glob.replace(/\[!?[^\]]+\]|[^A-Za-z0-9]/g, (piece) => {
    if (piece === "*") return ".*";
    if (piece === "?") return ".";
    if (piece.length > 1) return piece.replace(/^\[!/, "[^").replaceAll("\\", "\\\\");
    return `\\${piece}`;
  });
}
