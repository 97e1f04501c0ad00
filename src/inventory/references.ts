import { LbctlError, type Problem } from "../errors.ts";
import { pythonFloat } from "../document/python.ts";
import { isList, isMap, listOf, mapOf, Part } from "../document/part.ts";
import { keepSecret } from "../document/secrets.ts";
import type { Vault } from "../document/vault.ts";
import { didYouMean, place, shorten } from "../document/words.ts";
import { isTooLarge } from "./sizes.ts";

/** A variable that cannot be resolved, and why. Never leaves this folder. */
export class Unresolved extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super("unresolved");
    this.problems = problems;
  }
}

/** Where a variable stands that Ansible defines by itself: nowhere. */
export const magicOrigin = { file: "lbctl", line: 1 };

const marks = /\{\{|\{%|\{#/;
const reference =
  /^\s*([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\.\d+|\[\s*\d+\s*\]|\[\s*'[^'\\]*'\s*\]|\[\s*"[^"\\]*"\s*\])*)\s*$/;
const step = /\.(\w+)|\[\s*(?:(\d+)|'([^']*)'|"([^"]*)")\s*\]/g;

const maxChain = 100;
const maxLength = 1000;

const known = new WeakMap<Part, boolean>();

/** Whether a value holds references, or what else must be looked at before use. */
export function needsResolving(part: Part): boolean {
  let answer = known.get(part);
  if (answer === undefined) {
    answer =
      part.tag === "!vault" ||
      part.tag === "!broken" ||
      (typeof part.value === "string" && part.tag !== "!unsafe" && marks.test(part.value)) ||
      [...part.parts.values()].some(needsResolving);
    known.set(part, answer);
  }
  return answer;
}

/** The variables of one host, resolved when they are first asked for. */
export class Scope {
  private readonly raw: ReadonlyMap<string, Part>;
  private readonly resolved = new Map<string, Part | Unresolved>();
  private readonly chain: string[] = [];
  private vault: Vault | undefined;

  private readonly isPartial: boolean;
  private readonly lacksHosts: boolean;

  /** `isPartial`: further variables may stand where nothing could be read, so what is not here is only not known. */
  constructor(
    raw: ReadonlyMap<string, Part>,
    vault: Vault,
    { isPartial, lacksHosts }: { readonly isPartial: boolean; readonly lacksHosts: boolean },
  ) {
    this.raw = raw;
    this.vault = vault;
    this.isPartial = isPartial;
    this.lacksHosts = lacksHosts;
  }

  /** From now on what is encrypted stays so. */
  close(): void {
    this.vault = undefined;
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
    if (this.chain.length >= maxChain) {
      throw fail(part, `"${name}" is more than ${maxChain} references away from where they start`, plainHint);
    }
    this.chain.push(name);
    try {
      const result = this.resolve(part);
      if (isTooLarge(result))
        throw fail(part, `the references in "${name}" grow beyond all measure`, plainHint);
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
    if (part.tag === "!broken") throw notKnown();
    if (part.tag === "!vault" && typeof part.value === "string") return this.open(part, part.value);
    if (typeof part.value === "string") return this.resolveText(part, part.value);
    const failures: Unresolved[] = [];
    const attempt = (inner: Part): Part => {
      try {
        return this.resolve(inner);
      } catch (error) {
        if (!(error instanceof Unresolved)) throw error;
        failures.push(error);
        return inner;
      }
    };
    let result = part;
    if (isList(part.value))
      result = listOf([...part.parts.values()].map(attempt), part.origin, part.isSecret);
    else if (isMap(part.value)) {
      result = mapOf(
        new Map([...part.parts].map(([key, inner]) => [String(key), attempt(inner)])),
        part.origin,
        part.isSecret,
      );
    }
    if (failures.length > 0) throw together(failures);
    return result;
  }

  private open(part: Part, envelope: string): Part {
    if (!this.vault) return part;
    try {
      const plain = this.vault.open(envelope, place(part.origin));
      keepSecret(plain);
      return new Part(plain, part.origin, undefined, { isSecret: true });
    } catch (error) {
      if (!(error instanceof LbctlError)) throw error;
      throw new Unresolved(error.problems);
    }
  }

  private resolveText(part: Part, text: string): Part {
    const pieces = splitReferences(text);
    const [before, only, after] = pieces;
    // a reference alone keeps its type; Ansible overlooks the line break that ends a block scalar
    if (pieces.length === 3 && only !== undefined && before === "" && (after === "" || after === "\n")) {
      return this.follow(only, part).at(part.origin);
    }
    const failures: Unresolved[] = [];
    let { isSecret } = part;
    const resolved = pieces.map((piece, index) => {
      if (index % 2 === 0) return piece;
      try {
        const found = this.follow(piece, part);
        isSecret ||= found.holdsSecret;
        return embed(found, piece, part);
      } catch (error) {
        if (!(error instanceof Unresolved)) throw error;
        failures.push(error);
        return "";
      }
    });
    if (failures.length > 0) throw together(failures);
    if (pieces.some((piece, index) => index % 2 === 0 && marks.test(piece))) {
      const what = `${shorten(JSON.stringify(text))} holds Jinja code that lbctl does not run`;
      throw fail(part, what, plainHint);
    }
    const whole = resolved.join("");
    if (isSecret) keepSecret(whole);
    return new Part(whole, part.origin, undefined, { isSecret });
  }

  private follow(expression: string, part: Part): Part {
    const match = expression.length > maxLength ? null : reference.exec(expression);
    if (!match || reserved.has(match[1] ?? "")) {
      throw fail(
        part,
        `{{${shorten(expression)}}} is more than the name of a variable: lbctl runs no filters or expressions`,
        plainHint,
      );
    }
    const name = match[1] ?? "";
    if (!this.raw.has(name)) {
      if (this.isPartial) throw notKnown();
      const near = didYouMean(name, this.raw.keys());
      const hint =
        name === "hostvars"
          ? "Variables of other hosts cannot be read; define this one for the host or its group."
          : `Define it in the inventory, or with -e ${name}=….`;
      throw fail(part, `the variable "${name}" is not defined${near ? `; ${near}` : ""}`, hint);
    }
    let at = this.get(name);
    let path = name;
    for (const [text, word, index, single, double] of (match[2] ?? "").matchAll(step)) {
      const key = word ?? index ?? single ?? double ?? "";
      const next = at.parts.get(isList(at.value) ? Number(key) : key);
      if (!next) {
        const isMagic = at.origin === magicOrigin;
        if (this.isPartial || (this.lacksHosts && isMagic)) throw notKnown();
        const keys = [...at.parts.keys()].map(String);
        const near = isMap(at.value) && !at.isSecret ? didYouMean(key, keys) : undefined;
        throw fail(
          part,
          `"${path}" has no ${text}${near ? `; ${near}` : ""}`,
          isMagic
            ? "It is made of the inventory itself: look at its groups and hosts."
            : `It is written at ${place(at.origin)}.`,
        );
      }
      at = next;
      path += text;
    }
    if (at.tag === "!vault")
      throw fail(
        part,
        `"${path}" is encrypted, and lbctl opens only what it needs`,
        "It is opened where a variable that lbctl itself uses refers to it.",
      );
    return at;
  }

  private cycle(name: string, part: Part): Unresolved {
    if (this.isPartial) return notKnown();
    const chain = [...this.chain.slice(this.chain.indexOf(name)), name].join(" > ");
    return fail(
      part,
      `these variables name each other in a circle: ${chain}`,
      "Give one of them a value of its own.",
    );
  }
}

function together(failures: readonly Unresolved[]): Unresolved {
  return new Unresolved([...new Set(failures.flatMap(({ problems }) => problems))]);
}

/** There is nothing to mend here, as far as can be told. */
function notKnown(): Unresolved {
  return new Unresolved([]);
}

const reserved = new Set(["not", "true", "false", "none", "True", "False", "None", "lookup", "query"]);
const plainHint = "Write the value itself, or {{ name }}, {{ name.key }} or {{ name[0] }}.";

/** Plain text and the insides of `{{ }}` by turns, plain text first and last. */
function splitReferences(text: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  for (;;) {
    const open = text.indexOf("{{", start);
    const close = open < 0 ? -1 : text.indexOf("}}", open + 2);
    if (close < 0) return [...pieces, text.slice(start)];
    pieces.push(text.slice(start, open), text.slice(open + 2, close));
    start = close + 2;
  }
}

function fail(part: Part, what: string, hint: string): Unresolved {
  const said = part.isSecret ? "a reference in this encrypted text cannot be resolved" : what;
  return new Unresolved([{ what: said, at: place(part.origin), hint }]);
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
  // str() of a date and time has a space where isoformat() has a T
  if (found.tag === "!!timestamp") return String(value).replace("T", " ");
  return found.tag === "!!float" && typeof value === "number" ? pythonFloat(value) : String(value);
}
