import { Part, partOf } from "../document/part.ts";
import type { Variables } from "../model/fleet.ts";
import type { Role } from "../model/role.ts";

/**
 * Variables of the command line, where `-e name=2` can only write a string: those that the role's schema wants as
 * whole numbers become numbers when they are written as one.
 */
export function typedVariables(vars: Variables, role: Role): Variables {
  return Object.fromEntries(
    Object.entries(vars).map(([name, variable]) => {
      const isNumber = typeof variable.value === "string" && /^(0|[1-9]\d{0,14})$/.test(variable.value);
      if (!isNumber || !wantsInteger(role.schema, name)) return [name, variable];
      const { isSecret } = partOf(variable);
      return [name, new Part(Number(variable.value), variable.originOf([]), undefined, { isSecret })];
    }),
  );
}

function wantsInteger(schema: object, name: string): boolean {
  const properties = "properties" in schema ? (schema.properties as Record<string, { type?: unknown }>) : {};
  return properties[name]?.type === "integer";
}
