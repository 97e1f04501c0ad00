import type { Value } from "../model/fleet.ts";

export type Values = Readonly<Record<string, Value>>;

// for rules: what has another form counts as not there, since the schema tells it

export function mapIn(value: Value | undefined): Values {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Values) : {};
}

export function listIn(value: Value | undefined): readonly Value[] {
  return Array.isArray(value) ? (value as readonly Value[]) : [];
}

export function numberIn(value: Value | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

export function textIn(value: Value | undefined): string {
  return typeof value === "string" ? value : "";
}
