import { readAddress } from "../document/address.ts";
import { outside } from "../document/formats.ts";

/** What is wrong with a host's name, or nothing. Names reach file names, argument lists and haproxy.cfg. */
export function hostNameProblem(name: string): string | undefined {
  if (name.includes(":") && "canonical" in readAddress(name)) return undefined;
  return nameProblem(name);
}

/** What is wrong with a group's name, or nothing. */
export function nameProblem(name: string): string | undefined {
  if (name.startsWith("-")) return "starts with -, and would be read as an option";
  const bad = outside(name, /[A-Za-z0-9_.-]/);
  if (bad) return bad;
  if (!/^[A-Za-z0-9_]/.test(name)) return "does not start with a letter, a digit or _";
  return name.length > 253 ? "is longer than 253 characters" : undefined;
}
