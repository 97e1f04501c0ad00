import leven from "leven";
import { withoutAnySecret } from "./secrets.ts";
import type { Origin, Path, Value } from "../model/fleet.ts";

/** `file:line`, as messages and editors write it. */
export function place(origin: Origin): string {
  return `${origin.file}:${origin.line}`;
}

/** ` at haproxy_trusted_ips/2`-style path. */
export function pathText(path: Path): string {
  return path.join("/");
}

/** What was read and its type, since YAML may have changed what was written: `false (a boolean)`. */
export function readAs(value: Value | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "nothing (null)";
  if (typeof value === "string") return `${shorten(JSON.stringify(value))} (a string)`;
  if (typeof value === "boolean") return `${String(value)} (a boolean)`;
  if (typeof value === "number")
    return `${value} (${Number.isInteger(value) ? "a whole number" : "a number"})`;
  if (Array.isArray(value)) return `${shorten(JSON.stringify(value))} (a list)`;
  return `${shorten(JSON.stringify(value))} (a map)`;
}

/** At most 80 characters. Secrets are masked first: of half a secret nothing could tell later what it is. */
export function shorten(text: string): string {
  return brief(withoutAnySecret(text));
}

/** The same for lbctl's own words. */
export function brief(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** `did you mean "x"?` for the nearest name, or undefined when none is near. */
export function didYouMean(name: string, known: Iterable<string>): string | undefined {
  const best = nearest(name, known);
  return best === undefined ? undefined : `did you mean "${best}"?`;
}

/** The name that was probably meant, or undefined when none is near. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  // of very short names everything is near
  const allowed = name.length < 3 ? 0 : Math.max(2, Math.floor(name.length / 4));
  let best: string | undefined;
  let bestDistance = allowed + 1;
  for (const candidate of known) {
    const found = leven(name.toLowerCase(), candidate.toLowerCase(), { maxDistance: bestDistance });
    if (found < bestDistance) [best, bestDistance] = [candidate, found];
  }
  return best;
}
