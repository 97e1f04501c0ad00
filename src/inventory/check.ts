import { LbctlError, type Problem } from "../errors.ts";
import type { Fleet, Host, Path, Value, Variable } from "../model/fleet.ts";
import type { Role } from "../model/role.ts";
import { findConflicts } from "../role/rules.ts";
import { variableNames } from "../role/variables.ts";
import { checkSchema } from "../schema.ts";
import { didYouMean, pathText, place } from "../words.ts";
import { extraVarsFile } from "./extra-vars.ts";

interface Finding {
  readonly problem: Problem;
  readonly hosts: string[];
}

/**
 * Checks the role's variables of these hosts: its schema, its rules, and names that the role does not know.
 * Throws LbctlError `invalid`; what several hosts share is told once.
 */
export function checkVariables(fleet: Fleet, hosts: readonly string[], role: Role): void {
  const findings = new Map<string, Finding>();
  for (const name of hosts) {
    const host = fleet.hosts.get(name);
    if (!host) continue;
    for (const problem of problemsOf(host, role)) {
      const key = `${problem.at ?? ""}\n${problem.what}`;
      const finding = findings.get(key) ?? { problem, hosts: [] };
      finding.hosts.push(name);
      findings.set(key, finding);
    }
  }
  if (findings.size > 0) throw new LbctlError("invalid", [...findings.values()].map(withHosts));
}

function problemsOf(host: Host, role: Role): Problem[] {
  const known = variableNames(role);
  const values: Record<string, Value> = {};
  const problems: Problem[] = [];
  for (const [name, variable] of Object.entries(host.vars)) {
    if (known.has(name)) values[name] = variable.value;
    else if (name.startsWith(`${role.name}_`)) problems.push(unknown(name, variable, known, role));
  }
  const bad = new Set<string>();
  const found = (path: Path, message: string): void => {
    const variable = host.vars[String(path[0])];
    if (variable) problems.push(problemAt(variable, path, message));
  };
  for (const { path, message } of checkSchema(role.schema, values)) {
    bad.add(String(path[0]));
    found(path, message);
  }
  // a rule that compares a value of the wrong form would only confuse
  for (const { path, uses, message } of findConflicts(role.name, values)) {
    if (!uses.some((name) => bad.has(name))) found(path, message);
  }
  return problems;
}

function unknown(name: string, variable: Variable, known: ReadonlySet<string>, role: Role): Problem {
  const near = didYouMean(name, known);
  return {
    what: `the role ${role.name} has no variable "${name}"${near ? `; ${near}` : ""}`,
    at: place(variable.originOf([])),
    hint: `Every variable is listed in roles/${role.name}/defaults/main.yml.`,
  };
}

function problemAt(variable: Variable, path: Path, message: string): Problem {
  const origin = variable.originOf(path.slice(1));
  const fromCommandLine =
    origin.file === extraVarsFile && typeof variable.value === "string" && path.length === 1;
  return {
    what: `${pathText(path)} ${message}`,
    at: place(origin),
    ...(fromCommandLine
      ? {
          hint: `Values of name=value are strings; write -e '{"${String(path[0])}": …}' for a number or a list.`,
        }
      : {}),
  };
}

function withHosts({ problem, hosts }: Finding): Problem {
  if (hosts.length < 2) return problem;
  const more = hosts.length - 1;
  return {
    ...problem,
    what: `${problem.what} (${hosts[0] ?? ""} and ${more} more ${more === 1 ? "host" : "hosts"})`,
  };
}
