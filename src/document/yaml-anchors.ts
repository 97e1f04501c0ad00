import type { Part } from "./part.ts";
import type { Explanation } from "./yaml-words.ts";

export const maxDepth = 50;
const maxAliased = 1_000_000;

export const tooDeep: Explanation = {
  what: `values are nested more than ${maxDepth} levels deep`,
  hint: "Flatten the structure.",
};

/** A value, and what an alias to it costs. */
export interface Measured {
  readonly part: Part;
  /** How many values the part holds, copies by alias included. */
  readonly size: number;
  readonly height: number;
}

/** The anchors of a document so far, and how much aliases have repeated. */
export class Anchors {
  private readonly found = new Map<string, Measured | "open">();
  private aliased = 0;

  has(name: string): boolean {
    return this.found.has(name);
  }

  /** Its value is being read. */
  open(name: string): void {
    this.found.set(name, "open");
  }

  close(name: string, value: Measured): void {
    this.found.set(name, value);
  }

  /** What an alias stands for at this depth, or why it cannot. */
  follow(name: string, depth: number): Measured | Explanation {
    const target = this.found.get(name);
    if (target === "open")
      return { what: `the alias *${name} stands inside the value that it names`, hint: "Remove the alias." };
    if (!target) {
      return {
        what: `the alias *${name} names no anchor above it`,
        hint: `Write &${name} before the value it stands for.`,
      };
    }
    this.aliased += target.size;
    if (this.aliased > maxAliased)
      return {
        what: `aliases repeat more than ${maxAliased} values`,
        hint: "Write the values out, or use fewer aliases.",
      };
    return depth + target.height > maxDepth ? tooDeep : target;
  }
}

/** The measures of what holds these. */
export function measuresOf(items: readonly Measured[]): Omit<Measured, "part"> {
  return {
    size: items.reduce((total, item) => total + item.size, 1),
    height: items.reduce((height, item) => Math.max(height, item.height), 0) + 1,
  };
}
