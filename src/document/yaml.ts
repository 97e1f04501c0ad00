import {
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Alias,
  type ParsedNode,
  type YAMLMap,
} from "yaml";
import { LbctlError, type Problem } from "../errors.ts";
import type { Origin } from "../model/fleet.ts";
import { listOf, mapOf, Part } from "./part.ts";
import { readAsTag, readJsonWord, readPlain } from "./scalar.ts";
import { decodeText } from "./text.ts";
import { explainSyntax, isJson, shortTag, unquoted } from "./yaml-words.ts";

const maxDepth = 50;
const maxAliased = 1_000_000;

type Node = ParsedNode | null;

interface Anchor {
  readonly part: Part;
  /** How many values the part holds, copies by alias included. */
  readonly size: number;
  readonly height: number;
}

/** Thrown to leave a document that cannot be read to its end. */
class Stop extends Error {}

/**
 * Reads one YAML or JSON document as Ansible does (YAML 1.1); an empty one is null.
 * Throws LbctlError `invalid` with every problem found, each at its `file:line`.
 */
export function parseYaml(bytes: Uint8Array, file: string): Part {
  const text = decodeText(bytes, file);
  if (text.startsWith("$ANSIBLE_VAULT;")) {
    throw new LbctlError("invalid", {
      what: "the file is encrypted with ansible-vault, which lbctl cannot read yet",
      at: `${file}:1`,
      hint: "Move the variables that lbctl needs into a file that is not encrypted, and this file out of the inventory's folders.",
    });
  }
  return new Reader(text, file).read();
}

class Reader {
  private readonly text: string;
  private readonly file: string;
  private readonly lines = new LineCounter();
  private readonly problems: Problem[] = [];
  private readonly anchors = new Map<string, Anchor | "open">();
  private readonly readWord: typeof readPlain;
  private aliased = 0;

  constructor(text: string, file: string) {
    this.text = text;
    this.file = file;
    this.readWord = isJson(text) ? readJsonWord : readPlain;
  }

  read(): Part {
    let root: Part = new Part(null, { file: this.file, line: 1 });
    try {
      const [document, second] = this.parse();
      if (second)
        this.report(
          second.range[0],
          "the file holds several YAML documents",
          "Keep one, without further `---` lines.",
        );
      const contents = document?.contents;
      if (contents && this.problems.length === 0) root = this.visit(contents, 0).part;
    } catch (error) {
      if (error instanceof RangeError) this.report(0, tooDeep, deepHint);
      else if (!(error instanceof Stop)) throw error;
    }
    if (this.problems.length > 0) throw new LbctlError("invalid", this.problems);
    return root;
  }

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
    for (const error of mistakesIn(documents)) {
      // what is missing at the end of the file is best shown where its text ends
      const line = Math.min(this.line(error.pos[0]), lines.length);
      // one mistake makes the parser stumble several times on its line
      if (seen.has(line)) continue;
      seen.add(line);
      this.problems.push({
        ...explainSyntax(error.code, error.message, lines[line - 1] ?? ""),
        at: `${this.file}:${line}`,
      });
    }
    return documents;
  }

  private visit(node: Node, depth: number): Anchor {
    if (depth >= maxDepth && isCollection(node)) this.stop(node, tooDeep, deepHint);
    if (isAlias(node)) return this.follow(node, depth);
    const anchor = node && "anchor" in node ? node.anchor : undefined;
    if (anchor) this.anchors.set(anchor, "open");
    const read = this.readNode(node, depth);
    if (anchor) this.anchors.set(anchor, read);
    return read;
  }

  private readNode(node: Node, depth: number): Anchor {
    const origin = this.origin(node);
    if (isMap(node)) return this.readMap(node, depth, origin);
    if (isSeq(node)) {
      this.checkTag(node.tag, node, "seq");
      const items = node.items.map((item) => this.visit(item as Node, depth + 1));
      const part = listOf(
        items.map((item) => item.part),
        origin,
      );
      return { part, size: 1 + sum(items, "size"), height: 1 + most(items) };
    }
    return { part: this.readScalar(node, origin), size: 1, height: 0 };
  }

  private readScalar(node: Node, origin: Origin): Part {
    if (!isScalar(node)) return new Part(null, origin);
    const text = node.source;
    // a bare ! says nothing to PyYAML
    const tag = node.tag === "!" ? undefined : shortTag(node.tag);
    if (tag === "!vault" || tag === "!unsafe") return new Part(text, origin, undefined, tag);
    if (tag === undefined) {
      const { value, float } =
        node.type === "PLAIN" || node.type === undefined ? this.readWord(text) : { value: text };
      return new Part(value, origin, undefined, float && "!!float");
    }
    if (tag === "!!str" || tag === "!!timestamp") return new Part(text, origin);
    if (/^!!(?:int|float|bool|null)$/.test(tag)) {
      const read = readAsTag(text, tag.slice(2));
      if (read) return new Part(read.value, origin, undefined, read.float && "!!float");
      this.reportAt(
        node,
        `"${text}" is not what its tag ${tag} says`,
        "Correct the value, or remove the tag.",
      );
    } else this.checkTag(node.tag, node, "str");
    return new Part(text, origin);
  }

  private readMap(node: YAMLMap.Parsed, depth: number, origin: Origin): Anchor {
    this.checkTag(node.tag, node, "map");
    const own = new Map<string, Anchor>();
    const merged = new Map<string, Anchor>();
    const firstLines = new Map<string, number>();
    for (const { key, value } of node.items as readonly { key: Node; value: Node }[]) {
      const isMerge = isScalar(key) && key.type === "PLAIN" && key.source === "<<" && !key.tag;
      const name = isMerge ? "<<" : this.readKey(key, depth);
      if (name === undefined) continue;
      const line = this.origin(key).line;
      const first = firstLines.get(name);
      if (first !== undefined) {
        const hint = isMerge ? "Write one `<<: [*first, *second]`." : "Keep one of the two.";
        this.reportAt(key, `the key "${name}" is written twice, on line ${first} and on line ${line}`, hint);
        continue;
      }
      firstLines.set(name, line);
      if (isMerge) this.merge(value, depth, merged);
      else {
        const read = this.visit(value, depth + 1);
        own.set(name, { ...read, part: read.part.at({ file: this.file, line }) });
      }
    }
    // PyYAML puts merged keys first; a key of the map's own keeps that place and wins
    for (const [name, read] of own) merged.set(name, read);
    const all = [...merged.values()];
    const part = mapOf(new Map([...merged].map(([name, read]) => [name, read.part])), origin);
    return { part, size: 1 + sum(all, "size"), height: 1 + most(all) };
  }

  private readKey(key: Node, depth: number): string | undefined {
    const { part } = this.visit(key, depth + 1);
    if (typeof part.value !== "object") return String(part.value);
    if (part.value === null) return "null";
    const start = key?.range[0] ?? 0;
    const isReference = this.text.startsWith("{{", start) || this.text.startsWith("{{", start - 1);
    const what = isReference ? unquoted.what : "a key must be a single word or number";
    this.reportAt(key, what, isReference ? unquoted.hint : "Write the list or map as the key's value.");
    return undefined;
  }

  /** Adds the keys of a `<<` value: a map, or a list of maps of which the earlier wins. */
  private merge(value: Node, depth: number, into: Map<string, Anchor>): void {
    const { part, size, height } = this.visit(value, depth + 1);
    const sources = Array.isArray(part.value) ? [...part.parts.values()].reverse() : [part];
    for (const source of sources) {
      if (typeof source.value !== "object" || source.value === null || Array.isArray(source.value)) {
        this.reportAt(
          value,
          "only a map, or a list of maps, can be merged with `<<`",
          "Name an anchor of a map: `<<: *name`.",
        );
        return;
      }
      // the bounds of the whole stand in for those of each part
      for (const [name, item] of source.parts)
        into.set(String(name), { part: item, size: Math.ceil(size / (source.parts.size || 1)), height });
    }
  }

  private follow(node: Alias.Parsed, depth: number): Anchor {
    const target = this.anchors.get(node.source);
    if (target === "open")
      return this.stop(
        node,
        `the alias *${node.source} stands inside the value that it names`,
        "Remove the alias.",
      );
    if (!target) {
      return this.stop(
        node,
        `the alias *${node.source} names no anchor above it`,
        `Write &${node.source} before the value it stands for.`,
      );
    }
    this.aliased += target.size;
    if (this.aliased > maxAliased)
      this.stop(
        node,
        `aliases repeat more than ${maxAliased} values`,
        "Write the values out, or use fewer aliases.",
      );
    if (depth + target.height > maxDepth) this.stop(node, tooDeep, deepHint);
    return target;
  }

  private checkTag(tag: string | undefined, node: Node, expected: string): void {
    const short = shortTag(tag);
    if (short === undefined || short === `!!${expected}` || short === "!") return;
    this.reportAt(node, `the tag ${short} is not supported here`, "Remove the tag and write a plain value.");
  }

  private line(offset: number): number {
    return Math.max(1, this.lines.linePos(Math.min(offset, this.text.length)).line);
  }

  private origin(node: Node): Origin {
    return { file: this.file, line: node?.range ? this.line(node.range[0]) : 1 };
  }

  private report(offset: number, what: string, hint: string): void {
    this.problems.push({ what, at: `${this.file}:${this.line(offset)}`, hint });
  }

  private reportAt(node: Node, what: string, hint: string): void {
    this.report(node?.range ? node.range[0] : 0, what, hint);
  }

  private stop(node: Node, what: string, hint: string): never {
    this.reportAt(node, what, hint);
    throw new Stop();
  }
}

const tooDeep = `values are nested more than ${maxDepth} levels deep`;
const deepHint = "Flatten the structure.";

/** Errors, and warnings but those on tags, which are judged when the value is read. */
function mistakesIn(documents: ReturnType<typeof parseAllDocuments>) {
  // a file without a document carries its mistakes itself
  const all = "empty" in documents ? [documents] : documents;
  return all.flatMap(({ errors, warnings }) => [
    ...errors,
    ...warnings.filter((warning) => warning.code !== "TAG_RESOLVE_FAILED"),
  ]);
}

function sum(items: readonly Anchor[], key: "size"): number {
  return items.reduce((total, item) => total + item[key], 0);
}

function most(items: readonly Anchor[]): number {
  return items.reduce((height, item) => Math.max(height, item.height), 0);
}
