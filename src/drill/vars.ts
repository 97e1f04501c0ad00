import { shownValue } from "../document/part.ts";
import type { Problem } from "../errors.ts";
import type { Host, Value } from "../model/fleet.ts";

export function valueOf(host: Host, name: string): Value | undefined {
  return host.vars[name]?.value;
}

/** `file:line` where the first of these variables that is there was written, else the host's name. */
export function whereIs(host: Host, ...names: readonly string[]): string {
  const origin = host.vars[names.find((name) => host.vars[name]) ?? ""]?.originOf([]);
  return origin ? `${origin.file}:${origin.line}` : host.name;
}

/** A text that is not empty, or undefined. */
export function textOf(host: Host, name: string): string | undefined {
  const value = valueOf(host, name);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The texts of a list; a lone text counts as a list of one. */
export function listOf(host: Host, name: string): string[] {
  const value = valueOf(host, name);
  const list: readonly Value[] = Array.isArray(value) ? (value as readonly Value[]) : [value ?? null];
  return list.filter((item): item is string => typeof item === "string" && item !== "");
}

/** A whole number from 1, or the fallback with a problem noted when something else is there. */
export function integerOf(host: Host, name: string, fallback: number, problems: Problem[]): number {
  const value = valueOf(host, name);
  if (value === undefined || value === null) return fallback;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1) return value;
  problems.push({
    what: `${name} is ${JSON.stringify(shownValue(host.vars[name]))}, not a whole number from 1`,
    at: whereIs(host, name),
  });
  return fallback;
}

/** The port of a listener written as `80`, `"80"`, `"*:80"` or `"[::]:80"`. */
export function listenOf(host: Host, name: string, fallback: number, problems: Problem[]): number {
  const value = valueOf(host, name) ?? fallback;
  const first = Array.isArray(value) ? (value as readonly Value[])[0] : value;
  const written = typeof first === "number" || typeof first === "string" ? String(first) : "";
  const port = Number(/(?:^|:)(\d{1,5})$/.exec(written)?.[1]);
  if (port >= 1 && port <= 65_535) return port;
  const shown = JSON.stringify(shownValue(host.vars[name]));
  problems.push({ what: `${name} is ${shown}, which has no port`, at: whereIs(host, name) });
  return fallback;
}
