import type { Value } from "../model/fleet.ts";
import type { Tag } from "./part.ts";
import { BadScalar, readAsTag, readJsonWord, readPlain, type Scalar } from "./scalar.ts";
import { shortTag, type Explanation } from "./yaml-words.ts";

/** A scalar as a YAML document has it. */
export interface WrittenScalar {
  readonly source: string;
  readonly tag: string | undefined;
  /** Without quotes, and no block. */
  readonly isPlain: boolean;
}

interface ReadScalar {
  readonly value: Value;
  readonly tag?: Tag | undefined;
  readonly problem?: Explanation | undefined;
}

/** What a scalar is to Ansible, or to Python's JSON; with a problem where it is not what it claims to be. */
export function readYamlScalar({ source, tag, isPlain }: WrittenScalar, isJson: boolean): ReadScalar {
  // a bare ! says nothing to PyYAML
  const short = tag === "!" ? undefined : shortTag(tag);
  if (short === "!vault" || short === "!vault-encrypted") return { value: source, tag: "!vault" };
  if (short === "!unsafe") return { value: source, tag: "!unsafe" };
  if (short === "!!str" || (tag === "!" && source === "")) return { value: source };
  if (short !== undefined && /^!!(?:int|float|bool|null|timestamp)$/.test(short)) {
    const hint = "Correct the value, or remove the tag.";
    const problem = { what: `"${source}" is not what its tag ${short} says`, hint };
    return attempt(source, () => readAsTag(source, short.slice(2))) ?? { value: null, problem };
  }
  const problem = tagProblem(tag, "str");
  if (short !== undefined || !isPlain) return { value: source, problem };
  const read = attempt(source, () => (isJson ? readJsonWord(source) : readPlain(source)));
  return { problem, ...(read ?? { value: null }) };
}

function attempt(source: string, read: () => Scalar | undefined): ReadScalar | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BadScalar)) throw error;
    return { value: null, problem: { what: `${source} ${error.message}`, hint: "Put it in quotes." } };
  }
}

/** What is wrong with the tag of a `str`, `seq` or `map`, or nothing. */
export function tagProblem(tag: string | undefined, expected: string): Explanation | undefined {
  const short = shortTag(tag);
  if (short === undefined || short === `!!${expected}` || short === "!") return undefined;
  return { what: `the tag ${short} is not supported here`, hint: "Remove the tag and write a plain value." };
}
