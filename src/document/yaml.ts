import {
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
  type Alias,
  type Document,
  type ParsedNode,
  type Range,
  type YAMLMap,
} from "yaml";
import { LbctlError, type Problem } from "../errors.ts";
import type { Origin, Value } from "../model/fleet.ts";
import { listOf, mapOf, Part } from "./part.ts";
import type { Problems } from "./problems.ts";
import { jsonFloat } from "./python.ts";
import { keepSecret } from "./secrets.ts";
import { decodeText } from "./text.ts";
import { isEncrypted, Vault } from "./vault.ts";
import { Anchors, maxDepth, measuresOf, tooDeep, type Measured } from "./yaml-anchors.ts";
import { readYamlScalar, tagProblem } from "./yaml-scalar.ts";
import { explainSyntax, isJson, unquoted, type Explanation } from "./yaml-words.ts";

type Node = ParsedNode | null;

/** Thrown to leave a document that cannot be read to its end. */
class Stop extends Error {}

const noPasswords = new Vault([]);

/**
 * Reads one YAML or JSON document as Ansible does (YAML 1.1); an empty one is null. One that is encrypted with
 * ansible-vault is opened, and every value in it is secret.
 * Throws LbctlError `invalid` with every problem found, each at its `file:line`. With `local`, those that leave the rest
 * of the file as it is go there, and their values are broken.
 */
export function parseYaml(bytes: Uint8Array, file: string, vault = noPasswords, local?: Problems): Part {
  const text = decodeText(bytes, file);
  if (!isEncrypted(text)) return new Reader(text, file, false).read(local);
  const plain = decodeText(new TextEncoder().encode(vault.open(text, `${file}:1`)), file);
  const part = new Reader(plain, file, true).read(local);
  keepAll(part);
  return part;
}

function keepAll(part: Part): void {
  if (typeof part.value === "string" || typeof part.value === "number") keepSecret(String(part.value));
  part.parts.forEach(keepAll);
}

class Reader {
  private readonly text: string;
  private readonly file: string;
  private readonly lines = new LineCounter();
  private readonly problems: Problem[] = [];
  private readonly local: Problem[] = [];
  private readonly anchors = new Anchors();
  private readonly isJson: boolean;
  private readonly isSecret: boolean;

  constructor(text: string, file: string, isSecret: boolean) {
    this.text = text;
    this.file = file;
    this.isJson = isJson(text);
    this.isSecret = isSecret;
  }

  read(local?: Problems): Part {
    let root: Part = new Part(null, { file: this.file, line: 1 });
    try {
      const [document, second] = this.parse();
      if (second)
        this.report(second.range[0], {
          what: "the file holds several YAML documents",
          hint: "Keep one, without further `---` lines.",
        });
      const contents = document?.contents;
      if (contents && this.problems.length === 0) root = this.visit(contents, 0).part;
    } catch (error) {
      if (error instanceof RangeError) this.report(0, tooDeep);
      else if (!(error instanceof Stop)) throw error;
    }
    const found = [...this.problems, ...this.local].map(this.withoutWords);
    if (this.problems.length > 0 || (!local && found.length > 0)) throw new LbctlError("invalid", found);
    local?.addAll(found);
    return root;
  }

  /** What is wrong with a secret text must not quote it. */
  private readonly withoutWords = (problem: Problem): Problem =>
    this.isSecret
      ? {
          what: "the decrypted text cannot be read here; what it says is secret",
          hint: `Run \`ansible-vault view ${this.file}\` and look at that line.`,
          ...(problem.at === undefined ? {} : { at: problem.at }),
        }
      : problem;

  private parse() {
    const documents = parseAllDocuments(this.text, {
      schema: "failsafe",
      // checked here, in linear time and with both lines
      uniqueKeys: false,
      prettyErrors: false,
      lineCounter: this.lines,
      logLevel: "silent",
    });
    const lines = this.text.trimEnd().split("\n");
    const seen = new Set<number>();
    const mistakes = mistakesIn(documents);
    const openers = mistakes.some(({ message }) => unclosed.test(message))
      ? this.openers(documents)
      : noOpeners;
    const spans = [...openers].flatMap(([end, starts]) => starts.map((start) => ({ start, end })));
    for (const { code, pos, message } of mistakes) {
      const [at] = pos;
      // a bracket that is not closed takes the keys of the lines below it
      if (taken.has(code) && spans.some(({ start, end }) => start < at && at < end)) continue;
      const opened = unclosed.test(message) ? openers.get(at)?.pop() : undefined;
      // what is missing at the end of the file is best shown where its text ends
      const found = Math.min(this.line(at), lines.length);
      const line = opened === undefined ? found : this.line(opened);
      // one mistake makes the parser stumble several times on its line
      if (seen.has(line)) continue;
      seen.add(found).add(line);
      this.problems.push({
        ...explainSyntax(code, message, lines[line - 1] ?? "", this.text[opened ?? -1]),
        at: `${this.file}:${line}`,
      });
    }
    return documents;
  }

  /** By where the text ends that brackets or quotes without their other half took: where those stand, the innermost last. */
  private openers(documents: readonly Document.Parsed[]): Map<number, number[]> {
    const found = new Map<number, number[]>();
    const note = (_: unknown, { range }: { readonly range?: Range | null }): void => {
      const [start, end] = range ?? [0, 0];
      const closer = closers[this.text[start] ?? ""];
      if (closer !== undefined && (end - start < 2 || this.text[end - 1] !== closer))
        found.set(end, [...(found.get(end) ?? []), start]);
    };
    for (const document of documents) visit(document, { Collection: note, Scalar: note });
    return found;
  }

  private visit(node: Node, depth: number): Measured {
    if (depth >= maxDepth && isCollection(node)) this.stop(node, tooDeep);
    if (isAlias(node)) return this.follow(node, depth);
    const anchor = node && "anchor" in node ? node.anchor : undefined;
    if (anchor && this.anchors.has(anchor)) {
      this.reportAt(node, {
        what: `the anchor &${anchor} is written twice`,
        hint: "Give each its own name.",
      });
    }
    if (anchor) this.anchors.open(anchor);
    const read = this.readNode(node, depth);
    if (anchor) this.anchors.close(anchor, read);
    return read;
  }

  private readNode(node: Node, depth: number): Measured {
    const origin = this.origin(node);
    if (isMap(node)) return this.readMap(node, depth, origin);
    if (isSeq(node)) {
      this.checkTag(node.tag, node, "seq");
      const items = node.items.map((item) => this.visit(item as Node, depth + 1));
      const part = listOf(
        items.map((item) => item.part),
        origin,
        this.isSecret,
      );
      return { part, ...measuresOf(items) };
    }
    return { part: this.readScalar(node, origin), size: 1, height: 0 };
  }

  private readScalar(node: Node, origin: Origin): Part {
    const { isSecret } = this;
    if (!isScalar(node)) return new Part(null, origin, undefined, { isSecret });
    const { source, tag: written, type } = node;
    const isPlain = type === "PLAIN" || type === undefined;
    const { value, tag, problem } = readYamlScalar({ source, tag: written, isPlain }, this.isJson);
    const part = new Part(value, origin, undefined, { tag, isSecret });
    if (!problem) return part;
    this.reportAt(node, problem, this.local);
    return part.broken();
  }

  private readMap(node: YAMLMap.Parsed, depth: number, origin: Origin): Measured {
    this.checkTag(node.tag, node, "map");
    const own = new Map<string, Measured>();
    const merged = new Map<string, Measured>();
    const firstLines = new Map<string, number>();
    for (const { key, value } of node.items as readonly { key: Node; value: Node }[]) {
      if (isScalar(key) && key.type === "PLAIN" && key.source === "<<" && !key.tag) {
        this.merge(value, depth, merged);
        continue;
      }
      const found = this.readKey(key, depth);
      if (found === undefined) continue;
      const { name, oddKey } = found;
      const line = this.origin(key).line;
      const first = firstLines.get(name);
      if (first !== undefined) {
        const what = `the key "${name}" is written twice, on line ${first} and on line ${line}`;
        this.reportAt(key, { what, hint: "Keep one of the two." }, this.local);
        const kept = own.get(name);
        // which of the two stays is not known
        if (kept) own.set(name, { ...kept, part: kept.part.broken() });
        continue;
      }
      firstLines.set(name, line);
      const read = this.visit(value, depth + 1);
      own.set(name, { ...read, part: read.part.at({ file: this.file, line }, oddKey) });
    }
    // PyYAML puts merged keys first; a key of the map's own keeps that place and wins
    for (const [name, read] of own) merged.set(name, read);
    const all = [...merged.values()];
    const parts = new Map([...merged].map(([name, read]) => [name, read.part]));
    const part = (this.isJson ? wrapped(parts, origin) : undefined) ?? mapOf(parts, origin, this.isSecret);
    return { part, ...measuresOf(all) };
  }

  /** The key as text, and as it was read where that is not text. */
  private readKey(key: Node, depth: number): { readonly name: string; readonly oddKey?: Value } | undefined {
    if (isScalar(key) && key.source === "=") return { name: "=" };
    const { part } = this.visit(key, depth + 1);
    const { value } = part;
    // a name that is not known hides what it names
    if (part.tag === "!broken") this.problems.push(...this.local.splice(-1));
    if (typeof value === "string" && part.tag === undefined) return { name: value };
    if (typeof value === "number")
      return { name: part.tag === "!!float" ? jsonFloat(value) : String(value), oddKey: value };
    if (typeof value !== "object") return { name: String(value), oddKey: value };
    if (value === null) return { name: "null", oddKey: null };
    const start = key?.range[0] ?? 0;
    const isReference = this.text.startsWith("{{", start) || this.text.startsWith("{{", start - 1);
    this.reportAt(key, isReference ? unquoted : badKey);
    return undefined;
  }

  /** Adds the keys of a `<<` value: a map, or a list of maps of which the earlier wins. */
  private merge(value: Node, depth: number, into: Map<string, Measured>): void {
    const { part, size, height } = this.visit(value, depth + 1);
    const sources = Array.isArray(part.value) ? [...part.parts.values()].reverse() : [part];
    for (const source of sources) {
      if (typeof source.value !== "object" || source.value === null || Array.isArray(source.value)) {
        this.reportAt(value, {
          what: "only a map, or a list of maps, can be merged with `<<`",
          hint: "Name an anchor of a map: `<<: *name`.",
        });
        return;
      }
      // the bounds of the whole stand in for those of each part
      for (const [name, item] of source.parts)
        into.set(String(name), { part: item, size: Math.ceil(size / (source.parts.size || 1)), height });
    }
  }

  private follow(node: Alias.Parsed, depth: number): Measured {
    const found = this.anchors.follow(node.source, depth);
    return "part" in found ? found : this.stop(node, found);
  }

  private checkTag(tag: string | undefined, node: Node, expected: string): void {
    const problem = tagProblem(tag, expected);
    if (problem) this.reportAt(node, problem);
  }

  private line(offset: number): number {
    return Math.max(1, this.lines.linePos(Math.min(offset, this.text.length)).line);
  }

  private origin(node: Node): Origin {
    return { file: this.file, line: node?.range ? this.line(node.range[0]) : 1 };
  }

  private report(offset: number, problem: Explanation, into = this.problems): void {
    into.push({ ...problem, at: `${this.file}:${this.line(offset)}` });
  }

  private reportAt(node: Node, problem: Explanation, into = this.problems): void {
    this.report(node?.range ? node.range[0] : 0, problem, into);
  }

  private stop(node: Node, problem: Explanation): never {
    this.reportAt(node, problem);
    throw new Stop();
  }
}

const noOpeners: ReadonlyMap<number, number[]> = new Map();
const unclosed = /^Flow (?:map|sequence) .*end with a|^Missing closing/;
const taken: ReadonlySet<string> = new Set(["MULTILINE_IMPLICIT_KEY", "BLOCK_IN_FLOW"]);
const closers: Readonly<Record<string, string>> = { "[": "]", "{": "}", '"': '"', "'": "'" };

const badKey: Explanation = {
  what: "a key must be a single word or number",
  hint: "Write the list or map as the key's value.",
};

/** Errors, and warnings but those on tags, which are judged when the value is read. */
function mistakesIn(documents: ReturnType<typeof parseAllDocuments>) {
  // a file without a document carries its mistakes itself
  const all = "empty" in documents ? [documents] : documents;
  return all.flatMap(({ errors, warnings }) => [
    ...errors,
    ...warnings.filter((warning) => warning.code !== "TAG_RESOLVE_FAILED"),
  ]);
}

/** What ansible-inventory writes into JSON for an encrypted or unsafe text. */
function wrapped(parts: ReadonlyMap<string, Part>, origin: Origin): Part | undefined {
  const [[key, part] = [], more] = parts;
  const tag = key === "__ansible_vault" ? "!vault" : key === "__ansible_unsafe" ? "!unsafe" : undefined;
  if (!tag || more || typeof part?.value !== "string") return undefined;
  return new Part(part.value, origin, undefined, { tag, isSecret: part.isSecret });
}
