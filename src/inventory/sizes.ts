import type { Part } from "../document/part.ts";

// four times the largest file
const maxSize = 20 * 1024 * 1024;

/** Whether references multiplied a value until it would fill the memory, as an alias bomb does. */
export function isTooLarge(part: Part): boolean {
  return sizeOf(part) > maxSize;
}

const sizes = new WeakMap<Part, number>();

/** Characters of a text, or the sum over all parts, shared ones counted each time. */
function sizeOf(part: Part): number {
  let size = sizes.get(part);
  if (size === undefined) {
    size = typeof part.value === "string" ? part.value.length : 1;
    for (const inner of part.parts.values()) size += sizeOf(inner);
    sizes.set(part, size);
  }
  return size;
}
