import type { Value } from "../model/fleet.ts";
import { listOf, mapOf, Part } from "./part.ts";

/** A part as JSON can hold it: its line, and its value, items or entries. */
export type Parsed =
  | readonly [line: number, kind: "value", value: Value]
  | readonly [line: number, kind: "list", items: readonly Parsed[]]
  | readonly [line: number, kind: "map", entries: readonly (readonly [string, Parsed])[]];

/** Undefined for what JSON cannot hold: tags, secrets, odd keys. */
export function parsedOf(part: Part): Parsed | undefined {
  const { value, origin, tag, isSecret, oddKey } = part;
  if (tag !== undefined || isSecret || oddKey !== undefined || Number.isNaN(value)) return undefined;
  const inner = [...part.parts].map(([key, item]) => [String(key), parsedOf(item)] as const);
  const entries = inner.flatMap(([key, item]) => (item ? [[key, item] as const] : []));
  if (entries.length < inner.length) return undefined;
  if (Array.isArray(value)) return [origin.line, "list", entries.map(([, item]) => item)];
  if (typeof value === "object" && value !== null) return [origin.line, "map", entries];
  return [origin.line, "value", value];
}

export function partFrom([line, kind, inner]: Parsed, file: string): Part {
  const origin = { file, line };
  if (kind === "value") return new Part(inner, origin);
  if (kind === "list") {
    return listOf(
      inner.map((item) => partFrom(item, file)),
      origin,
    );
  }
  return mapOf(new Map(inner.map(([key, item]) => [key, partFrom(item, file)])), origin);
}
