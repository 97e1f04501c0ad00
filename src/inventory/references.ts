import type { Problem } from "../errors.ts";
import { isList, isMap, listOf, mapOf, Part } from "../part.ts";
import { didYouMean, place, shorten } from "../words.ts";

/** A variable that cannot be resolved, and why. Never leaves this folder. */
export class Unresolved extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super("unresolved");
    this.problems = problems;
  }
}

const marks = /\{\{|\{%|\{#/;
const whole = /^\{\{((?:(?!\{\{|\}\}).)*)\}\}$/s;
const each = /\{\{((?:(?!\}\}).)*)\}\}/gs;
const reference =
  /^\s*([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\.\d+|\[\s*\d+\s*\]|\[\s*'[^'\\]*'\s*\]|\[\s*"[^"\\]*"\s*\])*)\s*$/;
const step = /\.(\w+)|\[\s*(?:(\d+)|'([^']*)'|"([^"]*)")\s*\]/g;

const known = new WeakMap<Part, boolean>();

/** Whether a value holds references, or what else must be looked at before use. */
export function needsResolving(part: Part): boolean {
  let answer = known.get(part);
  if (answer === undefined) {
    answer =
      part.tag === "!vault" ||
      (typeof part.value === "string" && part.tag !== "!unsafe" && marks.test(part.value)) ||
      [...part.parts.values()].some(needsResolving);
    known.set(part, answer);
  }
  return answer;
}

/** The variables of one host, resolved when they are first asked for. */
export class Scope {
  private readonly raw: ReadonlyMap<string, Part>;
  private readonly host: string;
  private readonly resolved = new Map<string, Part | Unresolved>();
  private readonly chain: string[] = [];

  constructor(host: string, raw: ReadonlyMap<string, Part>) {
    this.host = host;
    this.raw = raw;
  }

  /** The variable with its references replaced. Throws Unresolved. */
  get(name: string): Part {
    const part = this.raw.get(name);
    if (!part) throw new Error(`no variable ${name}`);
    if (!needsResolving(part)) return part;
    const before = this.resolved.get(name);
    if (before instanceof Part) return before;
    if (before) throw before;
    if (this.chain.includes(name)) throw this.cycle(name, part);
    this.chain.push(name);
    try {
      const result = this.resolve(part);
      this.resolved.set(name, result);
      return result;
    } catch (error) {
      if (error instanceof Unresolved) this.resolved.set(name, error);
      throw error;
    } finally {
      this.chain.pop();
    }
  }

  private resolve(part: Part): Part {
    if (!needsResolving(part)) return part;
    if (part.tag === "!vault") {
      throw fail(
        part,
        "encrypted values (!vault) are not supported yet",
        "Give this variable another way: in a file that is not encrypted, or with -e @file.",
      );
    }
    if (typeof part.value === "string") return this.resolveText(part, part.value);
    const problems: Problem[] = [];
    const attempt = (inner: Part): Part => {
      try {
        return this.resolve(inner);
      } catch (error) {
        if (!(error instanceof Unresolved)) throw error;
        problems.push(...error.problems);
        return inner;
      }
    };
    let result = part;
    if (isList(part.value)) result = listOf([...part.parts.values()].map(attempt), part.origin);
    else if (isMap(part.value)) {
      result = mapOf(
        new Map([...part.parts].map(([key, inner]) => [String(key), attempt(inner)])),
        part.origin,
      );
    }
    if (problems.length > 0) throw new Unresolved(problems);
    return result;
  }

  private resolveText(part: Part, text: string): Part {
    const only = whole.exec(text);
    // a reference alone keeps its type
    if (only) return this.follow(only[1] ?? "", part).at(part.origin);
    const problems: Problem[] = [];
    const result = text.replace(each, (_, expression: string) => {
      try {
        return embed(this.follow(expression, part), expression, part);
      } catch (error) {
        if (!(error instanceof Unresolved)) throw error;
        problems.push(...error.problems);
        return "";
      }
    });
    if (problems.length > 0) throw new Unresolved(problems);
    const rest = text.replace(each, "");
    if (marks.test(rest)) {
      throw fail(
        part,
        `${shorten(JSON.stringify(text))} holds Jinja code that lbctl does not run`,
        plainHint,
      );
    }
    return new Part(result, part.origin);
  }

  private follow(expression: string, part: Part): Part {
    const match = reference.exec(expression);
    if (!match || reserved.has(match[1] ?? "")) {
      throw fail(
        part,
        `{{${shorten(expression)}}} is more than the name of a variable: lbctl runs no filters or expressions`,
        plainHint,
      );
    }
    const name = match[1] ?? "";
    if (!this.raw.has(name)) {
      const near = didYouMean(name, this.raw.keys());
      const hint =
        name === "hostvars"
          ? "Variables of other hosts cannot be read; define this one for the host or its group."
          : `Define it in the inventory, or with -e ${name}=….`;
      throw fail(
        part,
        `the variable "${name}" is not defined for ${this.host}${near ? `; ${near}` : ""}`,
        hint,
      );
    }
    let at = this.get(name);
    let path = name;
    for (const [text, word, index, single, double] of (match[2] ?? "").matchAll(step)) {
      const key = word ?? index ?? single ?? double ?? "";
      const next = at.parts.get(isList(at.value) ? Number(key) : key);
      if (!next) {
        const keys = [...at.parts.keys()].map(String);
        const near = isMap(at.value) ? didYouMean(key, keys) : undefined;
        throw fail(
          part,
          `"${path}" has no ${text}${near ? `; ${near}` : ""}`,
          `It is written at ${place(at.origin)}.`,
        );
      }
      at = next;
      path += text;
    }
    return at;
  }

  private cycle(name: string, part: Part): Unresolved {
    const chain = [...this.chain.slice(this.chain.indexOf(name)), name].join(" > ");
    return fail(
      part,
      `these variables name each other in a circle: ${chain}`,
      "Give one of them a value of its own.",
    );
  }
}

const reserved = new Set(["not", "true", "false", "none", "True", "False", "None", "lookup", "query"]);
const plainHint = "Write the value itself, or {{ name }}, {{ name.key }} or {{ name[0] }}.";

function fail(part: Part, what: string, hint: string): Unresolved {
  return new Unresolved([{ what, at: place(part.origin), hint }]);
}

/** A value inside a longer text, spelled as Ansible (Python) does. */
function embed(found: Part, expression: string, part: Part): string {
  const { value } = found;
  if (value === null) return "";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "object") {
    throw fail(
      part,
      `{{${expression}}} is a list or a map and cannot stand inside text`,
      "Refer to one of its items, or let {{ … }} be the whole value.",
    );
  }
  if (found.tag === "!!float" && Number.isInteger(value)) return `${value}.0`;
  return String(value);
}
