import { Eta } from "eta/core";
import { LbctlError, type Problem } from "../errors.ts";
import type { Template } from "../model/role.ts";

export type Templates = ReadonlyMap<string, Template>;
type TemplateFunction = ReturnType<Eta["compile"]>;
export type View = Readonly<Record<string, unknown>>;

/**
 * Renders `templates.get(name)` with `view` as `it`. Nothing is read from disk: `include("dir/part.eta", …)`
 * finds its text in `templates` too. Throws LbctlError `invalid` naming the template's file and line; once a variable
 * of `secrets` was read, without the words of what went wrong, which may quote it in any disguise.
 */
export function renderTemplate(
  templates: Templates,
  name: string,
  view: View,
  secrets: ReadonlySet<string> = none,
): string {
  const text = templates.get(name)?.text ?? "";
  const read = new Set<string>();
  const fail = (line: number | undefined, error: unknown, file = name): never => {
    const isWithheld = read.size > 0 && !(error instanceof OwnWords);
    // what is included may be named by a secret
    const shown = (templates.get(file) ?? (isWithheld ? templates.get(name) : undefined))?.file ?? file;
    const problem: Problem = {
      what: isWithheld ? withheld(read) : error instanceof Error ? error.message : String(error),
      at: line === undefined ? shown : `${shown}:${String(line)}`,
      hint: mendHint,
    };
    throw new LbctlError("invalid", problem);
  };
  const eta = makeEta();
  eta.resolvePath = (path) => path;
  eta.readFile = (path) => templates.get(path)?.text ?? fail(undefined, "this template does not exist", path);
  eta.RuntimeErr = (cause: Error, _text: string, line: number, file: string): never => {
    if (cause instanceof LbctlError) throw cause;
    return fail(line, cause, file || name);
  };
  try {
    return eta.render(compiledOnce(eta, templates, name), strict(view, secrets, read), { filepath: name });
  } catch (error) {
    if (error instanceof LbctlError) throw error;
    const { line, what } = readSyntaxError(error, text);
    return fail(line, what);
  }
}

function readSyntaxError(error: unknown, text: string) {
  const message = error instanceof Error ? error.message : String(error);
  const line = /at line (\d+)/.exec(message)?.[1];
  return { line: line === undefined ? syntaxErrorLine(text) : Number(line), what: firstLines(message) };
}

/** What is wrong with the code of these templates and of those that they name, each told once, whatever the values. */
export function findSyntaxProblems(templates: Templates, names: readonly string[]): Problem[] {
  const eta = makeEta();
  const needed = new Set(names);
  for (const name of needed) {
    const text = templates.get(name)?.text ?? "";
    for (const other of templates.keys()) if (text.includes(other)) needed.add(other);
  }
  return [...needed].flatMap((name) => {
    const template = templates.get(name);
    try {
      compiledOnce(eta, templates, name);
      return [];
    } catch (error) {
      const { line, what } = readSyntaxError(error, template?.text ?? "");
      const file = template?.file ?? name;
      return { what, at: line === undefined ? file : `${file}:${String(line)}`, hint: mendHint };
    }
  });
}

const mendHint = "Mend the template, or give the variable a value.";

function makeEta(): Eta {
  return new Eta({ autoTrim: false, escapeFunction: plainValue, debug: true });
}

/** Does ahead what each rendering begins with, while there is time; what is wrong with a template is told then. */
export function compileAhead(templates: Templates): void {
  const eta = makeEta();
  for (const name of templates.keys()) {
    try {
      compiledOnce(eta, templates, name);
    } catch {
      return;
    }
  }
}

const compiledOf = new WeakMap<Templates, Map<string, TemplateFunction>>();

/** Every host of a fleet has the same templates, and compiling one takes longer than rendering it. */
function compiledOnce(eta: Eta, templates: Templates, name: string): TemplateFunction {
  const known = compiledOf.get(templates) ?? new Map<string, TemplateFunction>();
  compiledOf.set(templates, known);
  const compiled = known.get(name) ?? eta.compile(templates.get(name)?.text ?? "", { filepath: name });
  known.set(name, compiled);
  return compiled;
}

/**
 * The line of the first tag whose code is broken. JavaScript's own message has no line of the template, so the
 * template is read tag by tag: a beginning of it may lack its end, but must be wrong in no other way.
 */
function syntaxErrorLine(text: string): number | undefined {
  const eta = new Eta({ autoTrim: false });
  const complaint = (part: string): string => {
    try {
      eta.compile(part);
      return "";
    } catch (error) {
      return error instanceof Error
        ? (error.message.split("\n").find((line) => line.trim() !== "" && !line.includes("Bad template")) ??
            "")
        : "";
    }
  };
  const unfinished = new Set(["", complaint("<% if (it) { %>"), complaint("<% it.map((x) => { %>")]);
  const tags = [...text.matchAll(/<%[\s\S]*?%>/g)];
  const broken = tags.find((tag) =>
    /^<%[-_]?\s*[=~]/.test(tag[0])
      ? complaint(tag[0]) !== "" // what is printed is whole in itself
      : !unfinished.has(complaint(`${text.slice(0, tag.index + tag[0].length)}\n`)),
  );
  return broken && text.slice(0, broken.index).split("\n").length;
}

const none: ReadonlySet<string> = new Set();

/** An error in lbctl's own words, which quote nothing. */
class OwnWords extends Error {}

function withheld(read: ReadonlySet<string>): string {
  const names = [...read].join(", ");
  return `the template fails; the words are withheld, since it has read what is secret: ${names}`;
}

function firstLines(message: string): string {
  return message
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\s*\^/.test(line))
    .slice(0, 2)
    .map((line) => line.trim())
    .join(": ");
}

/** The second fence behind the schema: what `<%= %>` prints is one word or phrase on one line, or an error. */
function plainValue(value: unknown): string {
  if (typeof value !== "string" && typeof value !== "number") {
    throw new OwnWords(
      `cannot print ${value === undefined ? "an undefined value" : `a value of type ${typeof value}`}`,
    );
  }
  const text = String(value);

  if (/[\u0000-\u001f\u007f\u2028\u2029]/.test(text)) throw new OwnWords("a value holds a control character");
  return text;
}

/** A misspelt `it.name` is an error, not the word "undefined" in a configuration. */
function strict(view: View, secrets: ReadonlySet<string>, read: Set<string>): View {
  return new Proxy(view, {
    get(target, key) {
      if (typeof key === "string" && !(key in target) && key !== "__blocks") {
        throw new Error(`it.${key} is not a variable of this role`);
      }
      if (secrets.has(key as string)) read.add(key as string);
      return target[key as string];
    },
  });
}
