import { formats } from "./formats.ts";
import { precompiled, type SchemaError, type Validate } from "./precompiled.ts";
import type { Value } from "../model/fleet.ts";
import { brief, didYouMean, readAs } from "./words.ts";

/** What is wrong with the part of a value at `path`, in words. */
export interface SchemaProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

interface Described {
  readonly type?: string | readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, unknown>>;
}

const compiled = new WeakMap<object, Validate>();

/**
 * Makes a JSON Schema (draft 2020-12) ready for checkSchema; throws when it is broken. The compiler is loaded only for
 * a schema that lbctl was not shipped with: loading it and compiling take longer than all else that reads a role.
 */
export async function prepareSchema(schema: object): Promise<void> {
  if (compiled.has(schema)) return;
  const ready = precompiled.get(JSON.stringify(schema));
  compiled.set(schema, ready ?? (await import("./compile-schema.ts")).compileSchema(schema));
}

/** Every problem of `value` under a schema that was prepared. */
export function checkSchema(schema: object, value: unknown): SchemaProblem[] {
  const validate = compiled.get(schema);
  if (!validate) throw new Error("this schema was not prepared");
  if (validate(value)) return [];
  const problems = new Map<string, SchemaProblem>();
  for (const error of validate.errors ?? []) {
    // what is wrong with a key is an error of its own
    if (error.keyword === "propertyNames") continue;
    const problem = explain(error, value);
    // several keywords of one value make one sentence
    problems.set(JSON.stringify(problem), problem);
  }
  return [...problems.values()];
}

function explain(error: SchemaError, root: unknown): SchemaProblem {
  const key = error.propertyName === undefined ? [] : [error.propertyName];
  const path = [...readPath(error.instancePath, root), ...key];
  const described = (error.parentSchema ?? {}) as Described;
  const params = error.params;
  if (error.keyword === "required") {
    return { path, message: `the key "${String(params.missingProperty)}" is missing` };
  }
  if (error.keyword === "additionalProperties") {
    const name = String(params.additionalProperty);
    const known = Object.keys(described.properties ?? {});
    return {
      path: [...path, name],
      message: `unknown key "${name}"; ${didYouMean(name, known) ?? `known are ${known.join(", ")}`}`,
    };
  }
  if (error.keyword === "uniqueItems") {
    return {
      path: [...path, Number(params.i)],
      message: `is the same as item ${Number(params.j) + 1} of the list`,
    };
  }
  const read = readAs(error.data as Value | undefined);
  const reason = error.keyword === "format" ? reasonOf(described, error.data) : "";
  return { path, message: `must be ${describe(described)}; read ${read}${reason}` };
}

/** ajv's `/a/0/b` as keys and indices. */
function readPath(pointer: string, root: unknown): (string | number)[] {
  const path: (string | number)[] = [];
  let at: unknown = root;
  for (const step of pointer.split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    path.push(Array.isArray(at) ? Number(key) : key);
    at = (at as Readonly<Record<string, unknown>> | undefined)?.[key];
  }
  return path;
}

function reasonOf(described: Described, data: unknown): string {
  const problem = formats[described.format ?? ""]?.problemIn(String(data));
  return problem ? `, which ${problem}` : "";
}

const typeNames: Readonly<Record<string, string>> = {
  integer: "a whole number",
  number: "a number",
  string: "a string",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  null: "nothing (null)",
};

/** Completes "must be …" from all that a schema asks of a value. */
function describe(schema: Described): string {
  if (schema.enum) return `one of ${brief(schema.enum.map((item) => JSON.stringify(item)).join(", "))}`;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const format = formats[schema.format ?? ""];
  if (format) return format.means + length(schema).replace(/^(?=.)/, ",");
  const types = [schema.type ?? []].flat();
  const words = types.map((type) => typeNames[type] ?? type).join(" or ") || "of another form";
  return words + range(schema) + length(schema) + (schema.pattern ? ` that matches ${schema.pattern}` : "");
}

function range({ minimum, maximum }: Described): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` of at least ${minimum}`;
  return maximum === undefined ? "" : ` of at most ${maximum}`;
}

function length(schema: Described): string {
  const parts: string[] = [];
  if (schema.minLength !== undefined) parts.push(`at least ${schema.minLength} characters`);
  if (schema.maxLength !== undefined) parts.push(`at most ${schema.maxLength} characters`);
  if (schema.minItems !== undefined)
    parts.push(`at least ${schema.minItems} ${schema.minItems === 1 ? "item" : "items"}`);
  if (schema.maxItems !== undefined) parts.push(`at most ${schema.maxItems} items`);
  return parts.length > 0 ? ` with ${parts.join(" and ")}` : "";
}
