import { LbctlError, type Problem } from "../errors.ts";
import { readIfThere } from "../document/files.ts";
import type { Origin, Variables } from "../model/fleet.ts";
import { isMap, Part } from "../document/part.ts";
import { invalid, Problems } from "../document/problems.ts";
import { place, readAs } from "../document/words.ts";
import { Vault } from "../document/vault.ts";
import { parseYaml } from "../document/yaml.ts";
import { readKeyValues } from "./key-values.ts";

/** Where a variable from the command line stands: the `line` counts the -e options. */
export const extraVarsFile = "--extra-vars";

/**
 * Reads -e options as Ansible does: `k=v k2="v 2"` (strings), JSON or YAML maps, `@file`, which `vault` opens when
 * it is encrypted; later ones win.
 * Throws LbctlError `invalid` with every problem.
 */
export async function parseExtraVars(...of: Parameters<typeof readExtraVars>): Promise<Variables> {
  const { vars, problems } = await readExtraVars(...of);
  if (problems.length > 0) throw new LbctlError("invalid", problems);
  return vars;
}

/** What could be read of the -e options, and what is wrong with the rest. */
export interface ReadExtraVars {
  readonly vars: Variables;
  readonly problems: readonly Problem[];
  /** There are more variables, in options that could not be read. */
  readonly isPartial: boolean;
}

export async function readExtraVars(args: readonly string[], vault = new Vault([])): Promise<ReadExtraVars> {
  const problems = new Problems();
  let isPartial = false;
  const vars = new Map<string, Part>();
  for (const [index, arg] of args.entries()) {
    const origin = { file: extraVarsFile, line: index + 1 };
    const read = await problems.attempt(() => readOne(arg, origin, vault, problems));
    isPartial ||= !read;
    read?.forEach((part, name) => vars.set(name, part));
  }
  return { vars: Object.fromEntries(vars), problems: problems.list(), isPartial };
}

async function readOne(
  arg: string,
  origin: Origin,
  vault: Vault,
  problems: Problems,
): Promise<Map<string, Part>> {
  const text = arg.trim();
  if (text === "") return new Map();
  if (text.startsWith("@")) return readFileVars(text.slice(1), origin, vault, problems);
  if (/^[/.]/.test(text))
    throw invalid(`${JSON.stringify(arg)} looks like a file`, place(origin), `Write -e @${text} to read it.`);
  if (/^[{[]/.test(text)) {
    const part = parseInline(text, origin);
    return mapEntries(part, origin, (inner) => inner.at(origin));
  }
  return readPairs(text, origin, problems);
}

/** Problems stand at the option, whose lines nobody counts. */
function parseInline(text: string, origin: Origin): Part {
  try {
    return parseYaml(new TextEncoder().encode(text), extraVarsFile);
  } catch (error) {
    if (!(error instanceof LbctlError)) throw error;
    throw new LbctlError(
      error.code,
      error.problems.map((problem) => ({ ...problem, at: place(origin) })),
    );
  }
}

async function readFileVars(
  file: string,
  origin: Origin,
  vault: Vault,
  problems: Problems,
): Promise<Map<string, Part>> {
  const bytes = await readIfThere(file);
  if (!bytes) throw invalid(`there is no file ${file}`, place(origin), "Check the path after @.");
  return mapEntries(parseYaml(bytes, file, vault, problems), { file, line: 1 }, (part) => part);
}

function mapEntries(part: Part, origin: Origin, keep: (part: Part) => Part): Map<string, Part> {
  if (!isMap(part.value))
    throw invalid(
      `extra variables must be a map; read ${readAs(part.value)}`,
      place(origin),
      'Write name=value, or {"name": value}.',
    );
  return new Map([...part.parts].map(([name, inner]) => [String(name), keep(inner)]));
}

function readPairs(text: string, origin: Origin, problems: Problems): Map<string, Part> {
  const words = readKeyValues(text);
  if (!words)
    throw invalid(
      `a quote or a {{ is not closed in ${JSON.stringify(text)}`,
      place(origin),
      "Quote the whole option for your shell: -e 'name=\"a b\"'.",
    );
  const vars = new Map<string, Part>();
  for (const word of words) {
    if ("name" in word) {
      vars.set(word.name, new Part(word.value, origin));
      continue;
    }
    problems.add({
      what: `${JSON.stringify(word.bare)} is not name=value`,
      at: place(origin),
      hint: 'Write name=value, {"name": value} or @file.',
    });
    // it may be the name of what has a value by that
    const [name] = /^[A-Za-z_]\w*/.exec(word.bare) ?? [];
    if (name !== undefined) vars.set(name, new Part(null, origin).broken());
  }
  return vars;
}
