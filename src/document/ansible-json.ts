import { isList, isMap, type Part } from "./part.ts";
import { jsonFloat } from "./python.ts";
import { mask, withoutSecrets } from "./secrets.ts";

/**
 * A value as `ansible-inventory --list` prints it: Python's JSON with sorted keys, four spaces a level. A text under
 * `!vault` stays encrypted and one under `!unsafe` is wrapped, both as Ansible does; what came out of a vault is masked.
 * Fit to be printed as it is: masks put into the JSON later could break it.
 */
export function ansibleJson(part: Part, indent = ""): string {
  const { value, tag } = part;
  if (part.isSecret) return JSON.stringify(mask);
  const inner = `${indent}    `;
  if (tag === "!vault" || tag === "!unsafe") {
    const key = tag === "!vault" ? "__ansible_vault" : "__ansible_unsafe";
    return block("{", [`"${key}": ${JSON.stringify(value)}`], "}", indent);
  }
  if (tag === "!!int" && typeof value === "string") return value;
  if (tag === "!!float" && typeof value === "number") return jsonFloat(value);
  if (isList(value)) {
    return block(
      "[",
      [...part.parts.values()].map((item) => ansibleJson(item, inner)),
      "]",
      indent,
    );
  }
  if (typeof value === "string") return JSON.stringify(withoutSecrets(value));
  if (!isMap(value)) return JSON.stringify(value);
  const entries = [...part.parts].sort(([a], [b]) => compare(String(a), String(b)));
  return block(
    "{",
    entries.map(([key, item]) => `${JSON.stringify(String(key))}: ${ansibleJson(item, inner)}`),
    "}",
    indent,
  );
}

function block(open: string, items: readonly string[], close: string, indent: string): string {
  if (items.length === 0) return open + close;
  return `${open}\n${items.map((item) => `${indent}    ${item}`).join(",\n")}\n${indent}${close}`;
}

/** By code points, as Python sorts. */
function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
