import { Part, partOf } from "../document/part.ts";
import type { Value, Variables } from "../model/fleet.ts";
import type { Role } from "../model/role.ts";

/**
 * Variables of the command line, where `-e name=2` can only write a string: what the role's schema wants as a whole
 * number or a boolean becomes one when it is written as one.
 */
export function typedVariables(vars: Variables, role: Role): Variables {
  const typed = typedBy(role);
  return Object.fromEntries(
    Object.entries(vars).map(([name, variable]) => [name, typed(name, partOf(variable))]),
  );
}

/** The same for one variable. Secret stays secret. */
export function typedBy({ schema }: Role): (name: string, part: Part) => Part {
  const properties = "properties" in schema ? (schema.properties as Record<string, { type?: unknown }>) : {};
  return (name, part) => {
    const type = Object.hasOwn(properties, name) ? properties[name]?.type : undefined;
    // what comes out of a vault often ends with a line break
    const text = part.isSecret && typeof part.value === "string" ? part.value.trim() : part.value;
    const value = typeof text === "string" ? readAsType(text, type) : undefined;
    if (value === undefined) return part;
    return new Part(value, part.origin, undefined, { isSecret: part.isSecret });
  };
}

/** undefined when the text is no value of this type. Booleans are YAML's words for them. */
function readAsType(text: string, type: unknown): Value | undefined {
  if (type === "integer" && /^(0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  if (type !== "boolean") return undefined;
  if (/^(?:true|yes|on)$/i.test(text)) return true;
  return /^(?:false|no|off)$/i.test(text) ? false : undefined;
}
