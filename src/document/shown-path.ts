import type { Path, Variable } from "../model/fleet.ts";
import { partOf } from "./part.ts";
import { pathText } from "./words.ts";

/** `haproxy_pools/git/port`, as far as no key of it is secret. `path` begins with the variable's name. */
export function shownPath(variable: Variable, [name = "", ...path]: Path): string {
  let part = partOf(variable);
  const shown: (string | number)[] = [name];
  for (const step of path) {
    if (part.isSecret) break;
    shown.push(step);
    part = part.parts.get(step) ?? part;
  }
  return pathText(shown);
}
