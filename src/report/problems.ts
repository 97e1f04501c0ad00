import { withoutAnySecret } from "../document/secrets.ts";
import type { LbctlError, Problem } from "../errors.ts";

/** An error's problems as they may be told: what quotes a host or another program says none of the secrets. */
export function shownProblems({ code, problems }: LbctlError): readonly Problem[] {
  if (code !== "unreachable" && code !== "bug") return problems;
  return problems.map((problem) => ({ ...problem, what: withoutAnySecret(problem.what) }));
}
