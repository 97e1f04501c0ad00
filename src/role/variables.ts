import type { Role } from "../model/role.ts";

const cache = new WeakMap<Role, ReadonlySet<string>>();

/** Every variable the role knows: those with defaults, and those of its schema that a host may set. */
export function variableNames(role: Role): ReadonlySet<string> {
  let names = cache.get(role);
  if (!names) {
    const properties = (role.schema as { readonly properties?: object }).properties ?? {};
    names = new Set([...Object.keys(role.defaults), ...Object.keys(properties)]);
    cache.set(role, names);
  }
  return names;
}
