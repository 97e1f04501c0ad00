import type { Origin, Path, Value, Variable } from "../model/fleet.ts";
import type { Scalar } from "./scalar.ts";
import { mask } from "./secrets.ts";

/** `!vault` (still encrypted), `!unsafe`, `!broken` (what it says is not known, which is told already), or what a scalar is in Python where that is more than its value says. */
export type Tag = "!vault" | "!unsafe" | "!broken" | NonNullable<Scalar["tag"]>;

/** A value as it was written: where it stands, its YAML tag when that matters, and its parts. */
export class Part implements Variable {
  readonly value: Value;
  readonly origin: Origin;
  readonly tag: Tag | undefined;
  /** Items of a list by index, values of a map by key in written order. */
  readonly parts: ReadonlyMap<string | number, Part>;
  /** Came out of a vault, or was made of what did: no output may show it. */
  readonly isSecret: boolean;
  /** The key of a map as it was read, where that is not text. */
  readonly oddKey: Value | undefined;

  constructor(
    value: Value,
    origin: Origin,
    parts: ReadonlyMap<string | number, Part> = noParts,
    more: { readonly tag?: Tag | undefined; readonly isSecret?: boolean; readonly oddKey?: Value } = {},
  ) {
    this.value = value;
    this.origin = origin;
    this.parts = parts;
    this.tag = more.tag;
    this.isSecret = more.isSecret ?? false;
    this.oddKey = more.oddKey;
  }

  /** The same value, said to stand elsewhere. Its parts keep their places. */
  at(origin: Origin, oddKey?: Value): Part {
    const { tag, isSecret } = this;
    return new Part(this.value, origin, this.parts, {
      tag,
      isSecret,
      ...(oddKey === undefined ? {} : { oddKey }),
    });
  }

  /** The same, said to be broken. */
  broken(): Part {
    return new Part(this.value, this.origin, this.parts, { tag: "!broken", isSecret: this.isSecret });
  }

  /** Whether it, or any part of it, is secret. */
  get holdsSecret(): boolean {
    if (this.isSecret) return true;
    for (const part of this.parts.values()) if (part.holdsSecret) return true;
    return false;
  }

  originOf(path: Path): Origin {
    return this.nearest(path).origin;
  }

  /** The part at `path`, or the nearest enclosing one. */
  nearest(path: Path): Part {
    const [step, ...rest] = path;
    const inner = step === undefined ? undefined : this.parts.get(step);
    return inner ? inner.nearest(rest) : this;
  }
}

const noParts: ReadonlyMap<string | number, Part> = new Map();

/** A map from its parts, in their order. */
export function mapOf(parts: ReadonlyMap<string, Part>, origin: Origin, isSecret = false): Part {
  // fromEntries defines own properties, so that a key named __proto__ stays data
  const value = Object.fromEntries([...parts].map(([key, part]) => [key, part.value]));
  return new Part(value, origin, parts, { isSecret });
}

/** A list from its parts. */
export function listOf(parts: readonly Part[], origin: Origin, isSecret = false): Part {
  const values = parts.map((part) => part.value);
  return new Part(values, origin, new Map(parts.entries()), { isSecret });
}

/** Any variable as a `Part`, with its parts. */
export function partOf(variable: Variable): Part {
  return variable instanceof Part ? variable : build(variable, variable.value, []);
}

function build(variable: Variable, value: Value, path: Path): Part {
  const origin = variable.originOf(path);
  if (isList(value))
    return listOf(
      value.map((item, index) => build(variable, item, [...path, index])),
      origin,
    );
  if (!isMap(value)) return new Part(value, origin);
  return mapOf(
    new Map(Object.entries(value).map(([key, item]) => [key, build(variable, item, [...path, key])])),
    origin,
  );
}

/** A value for people: secret texts and numbers masked, the rest as it is. */
export function shownValue(variable: Variable | undefined): Value {
  if (!variable) return null;
  const part = partOf(variable);
  const { value } = part;
  const inner = (): [string | number, Value][] =>
    [...part.parts].map(([key, item]) => [key, shownValue(item)]);
  if (!part.holdsSecret) return value;
  if (isList(value)) return inner().map(([, item]) => item);
  if (isMap(value)) return Object.fromEntries(inner());
  // what can only be one of two things is no secret
  return typeof value === "string" || typeof value === "number" ? mask : value;
}

export function isMap(value: Value): value is Readonly<Record<string, Value>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}
