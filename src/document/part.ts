import type { Origin, Path, Value, Variable } from "../model/fleet.ts";

/** A value as it was written: where it stands, its YAML tag when that matters, and its parts. */
export class Part implements Variable {
  readonly value: Value;
  readonly origin: Origin;
  /** `!vault`, `!unsafe`, or `!!float` for a number with a fraction in its text. */
  readonly tag: string | undefined;
  /** Items of a list by index, values of a map by key in written order. */
  readonly parts: ReadonlyMap<string | number, Part>;

  constructor(
    value: Value,
    origin: Origin,
    parts: ReadonlyMap<string | number, Part> = noParts,
    tag?: string,
  ) {
    this.value = value;
    this.origin = origin;
    this.parts = parts;
    this.tag = tag;
  }

  /** The same value, said to stand elsewhere. Its parts keep their places. */
  at(origin: Origin): Part {
    return new Part(this.value, origin, this.parts, this.tag);
  }

  originOf(path: Path): Origin {
    return this.nearest(path).origin;
  }

  /** The part at `path`, or the nearest enclosing one. */
  private nearest(path: Path): Part {
    const [step, ...rest] = path;
    const inner = step === undefined ? undefined : this.parts.get(step);
    return inner ? inner.nearest(rest) : this;
  }
}

const noParts: ReadonlyMap<string | number, Part> = new Map();

/** A map from its parts, in their order. */
export function mapOf(parts: ReadonlyMap<string, Part>, origin: Origin): Part {
  // fromEntries defines own properties, so that a key named __proto__ stays data
  return new Part(Object.fromEntries([...parts].map(([key, part]) => [key, part.value])), origin, parts);
}

/** A list from its parts. */
export function listOf(parts: readonly Part[], origin: Origin): Part {
  return new Part(
    parts.map((part) => part.value),
    origin,
    new Map(parts.entries()),
  );
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

export function isMap(value: Value): value is Readonly<Record<string, Value>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}
