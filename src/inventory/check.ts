import { LbctlError, type Problem } from "../errors.ts";
import type { Fleet, Host, Path, Value, Variable } from "../model/fleet.ts";
import type { Role } from "../model/role.ts";
import { findConflicts } from "../role/rules.ts";
import { variableNames } from "../role/variables.ts";
import { partOf } from "../document/part.ts";
import { checkSchema } from "../document/schema.ts";
import { shownPath } from "../document/shown-path.ts";
import { didYouMean, pathText, place } from "../document/words.ts";
import { extraVarsFile } from "./extra-vars.ts";
import { HostProblems } from "./host-problems.ts";
import { findPoolProblems } from "./pools.ts";
import { needsResolving } from "./references.ts";

/**
 * Checks the role's variables of these hosts: its schema, its rules, its pools, and names that it does not know.
 * Throws LbctlError `invalid`; what several hosts share is told once.
 */
export function checkVariables(fleet: Fleet, hosts: readonly string[], role: Role): void {
  const found = new HostProblems({ namesOne: false });
  let last: Checked | undefined;
  for (const name of hosts) {
    const host = fleet.hosts.get(name);
    if (!host) continue;
    const own = ownVariables(host, role);
    // hosts of one group mostly share every value, and some values are very long
    if (!last || last.isPartial !== host.isPartial || !sameVariables(last.own, own))
      last = { own, isPartial: host.isPartial, problems: problemsOf(own, role, host) };
    for (const problem of last.problems) found.add(problem, name);
  }
  const problems = [...found.list(), ...findPoolProblems(fleet, hosts, role)];
  if (problems.length > 0) throw new LbctlError("invalid", problems);
}

interface Checked {
  readonly own: ReadonlyMap<string, Variable>;
  readonly isPartial: boolean | undefined;
  readonly problems: readonly Problem[];
}

/** The role's variables of a host, and those that claim to be. */
function ownVariables(host: Host, role: Role): ReadonlyMap<string, Variable> {
  const known = variableNames(role);
  const isOwn = (name: string): boolean => known.has(name) || name.startsWith(`${role.name}_`);
  return new Map(Object.entries(host.vars).filter(([name]) => isOwn(name)));
}

function sameVariables(a: ReadonlyMap<string, Variable>, b: ReadonlyMap<string, Variable>): boolean {
  return a.size === b.size && [...a].every(([name, variable]) => b.get(name) === variable);
}

function problemsOf(
  own: ReadonlyMap<string, Variable>,
  role: Role,
  { unresolved, isPartial }: Host,
): Problem[] {
  const known = variableNames(role);
  const problems: Problem[] = [];
  const values: Record<string, Value> = {};
  // what has no value is told where it is resolved; what stands beside it in a list is judged all the same
  const hasValue = ([name, ...path]: Path): boolean => {
    const variable = unresolved.has(String(name)) ? own.get(String(name)) : undefined;
    return !variable || !needsResolving(partOf(variable).nearest(path));
  };
  for (const [name, variable] of own) {
    if (known.has(name)) values[name] = variable.value;
    else problems.push(unknown(name, variable, known, role));
  }
  const bad = new Set<string>();
  for (const { path, message } of checkSchema(role.schema, values)) {
    if (!hasValue(path)) continue;
    bad.add(pathText(path)).add(pathText(itemOf(path)));
    const variable = own.get(String(path[0]));
    if (variable) problems.push(problemAt(variable, path, message, role));
  }
  const valued = Object.entries(values).filter(
    ([name, value]) => typeof value === "object" || hasValue([name]),
  );
  for (const { path, uses, message, withoutValues } of findConflicts(role.name, Object.fromEntries(valued))) {
    // a rule that compares a value of the wrong form would only confuse
    const item = itemOf(path);
    if (!hasValue(item) || [...uses, pathText(item)].some((name) => bad.has(name))) continue;
    // what has its default here may have another value where nothing could be read
    if (isPartial && uses.some((name) => own.get(name) === role.defaults[name])) continue;
    // of two values that conflict, the place to mend is the one that is not a default
    const names = [String(path[0]), ...uses];
    const name = names.find((candidate) => own.get(candidate) !== role.defaults[candidate]) ?? names[0];
    const variable = own.get(name ?? "");
    const isSecret = uses.some((use) => isHidden(own.get(use)));
    const said = isSecret
      ? (withoutValues ?? `does not fit ${uses.filter((use) => use !== path[0]).join(", ")}`) + hidden
      : message;
    if (variable)
      problems.push({ ...problemAt(variable, path, said, role), at: placeOf(variable, path, name) });
  }
  return problems;
}

/** An item of a list or map is judged as a whole. */
function itemOf(path: Path): Path {
  return path.slice(0, 2);
}

function placeOf(variable: Variable, path: Path, name: string | undefined): string {
  return place(variable.originOf(name === path[0] ? path.slice(1) : []));
}

function unknown(name: string, variable: Variable, known: ReadonlySet<string>, role: Role): Problem {
  const near = didYouMean(name, known);
  return {
    what: `the role ${role.name} has no variable "${name}"${near ? `; ${near}` : ""}`,
    at: place(variable.originOf([])),
    hint: `Every variable is listed in roles/${role.name}/defaults/main.yml.`,
  };
}

function problemAt(variable: Variable, path: Path, message: string, role: Role): Problem {
  const origin = variable.originOf(path.slice(1));
  const isText =
    origin.file === extraVarsFile &&
    typeof variable.value === "string" &&
    path.length === 1 &&
    /must be (a|an) (list|map|whole number|number)/.test(message);
  return {
    what: `${shownPath(variable, path)} ${isHidden(variable, path) ? withoutValue(message) : message}`,
    at: place(origin),
    hint: isText
      ? `It is a string, as each value of name=value; write -e '{"${String(path[0])}": …}' for a number or a list.`
      : `Its meaning and range are in roles/${role.name}/defaults/main.yml.`,
  };
}

const hidden = "; its value is secret and not shown";

function isHidden(variable: Variable | undefined, path: Path = []): boolean {
  return variable !== undefined && partOf(variable).nearest(path.slice(1)).holdsSecret;
}

/** What the schema asks, without what was read. */
function withoutValue(message: string): string {
  if (message.endsWith(hidden)) return message;
  return (
    (/^(?:must be .*?(?=; read )|the key "\w+" is missing)/s.exec(message)?.[0] ??
      "is not what the role takes") + hidden
  );
}
