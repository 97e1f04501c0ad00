import type { Value } from "../model/fleet.ts";
import { readTimestamp } from "./timestamp.ts";

/**
 * A scalar's value, and the tag of what Python tells apart and JavaScript does not: a float, an integer too large to
 * be exact (its digits are the value) and a timestamp (in ISO form).
 */
export interface Scalar {
  readonly value: Value;
  readonly tag?: "!!float" | "!!int" | "!!timestamp";
}

/** Thrown for a scalar that PyYAML refuses; the message completes "VALUE …". */
export class BadScalar extends Error {}

// PyYAML's implicit resolvers (YAML 1.1), which decide what Ansible reads
const bool = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/;
const nothing = /^(?:~|null|Null|NULL|)$/;
const int =
  /^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const float =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const jsonNumber = /^-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$/;

/** Reads a plain scalar as PyYAML's YAML 1.1 does. Throws BadScalar. */
export function readPlain(text: string): Scalar {
  if (nothing.test(text)) return { value: null };
  if (bool.test(text)) return { value: /^(?:yes|true|on)$/i.test(text) };
  if (int.test(text)) return readInt(text);
  if (float.test(text)) return { value: readFloat(text), tag: "!!float" };
  if (/^\d{4}-/.test(text)) return readDate(text) ?? { value: text };
  if (text === "=") throw new BadScalar("must be in quotes");
  return { value: text };
}

/** Reads a bare word of a JSON document, where `1e3` is a number. */
export function readJsonWord(text: string): Scalar {
  const number = jsonNumber.exec(text);
  if (!number) return readPlain(text);
  return (number[1] ?? number[2]) ? { value: Number(text), tag: "!!float" } : readInt(text);
}

function readDate(text: string): Scalar | undefined {
  const value = readTimestamp(text);
  if (value === null) throw new BadScalar("looks like a date, and there is no such date");
  return value === undefined ? undefined : { value, tag: "!!timestamp" };
}

/** Reads text under an explicit `!!int`, `!!float`, `!!bool`, `!!null` or `!!timestamp`; undefined when it is none. */
export function readAsTag(text: string, tag: string): Scalar | undefined {
  if (tag === "null") return { value: null };
  const kinds: Readonly<Record<string, RegExp>> = { int, float, bool };
  if (tag === "timestamp") return readDate(text);
  if (tag === "float" && int.test(text)) return { value: Number(readInt(text).value), tag: "!!float" };
  return kinds[tag]?.test(text) ? readPlain(text) : undefined;
}

function readInt(text: string): Scalar {
  const digits = text.replaceAll("_", "").replace(/^[-+]/, "");
  const sign = text.startsWith("-") ? -1n : 1n;
  if (/^0[xb]$/.test(digits)) throw new BadScalar("looks like a number, and has no digits");
  let size: bigint;
  if (digits.includes(":")) size = sexagesimal(digits);
  else if (/^0\d/.test(digits)) size = BigInt(`0o${digits.slice(1)}`);
  else size = BigInt(digits);
  const number = sign * size;
  // a number that JavaScript would round keeps all its digits as text
  return number >= Number.MIN_SAFE_INTEGER && number <= Number.MAX_SAFE_INTEGER
    ? { value: Number(number) }
    : { value: number.toString(), tag: "!!int" };
}

function sexagesimal(digits: string): bigint {
  return digits.split(":").reduce((sum, part) => sum * 60n + BigInt(part), 0n);
}

function readFloat(text: string): number {
  const digits = text.replaceAll("_", "").toLowerCase();
  const sign = digits.startsWith("-") ? -1 : 1;
  const size = digits.replace(/^[-+]/, "");
  if (size === ".inf") return sign * Infinity;
  if (size === ".nan") return NaN;
  if (size.includes(":")) return sign * size.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return sign * Number(size);
}
