import { withoutAnySecret } from "../document/secrets.ts";
import type { LbctlError, Problem } from "../errors.ts";

/** An error's problems as they may be told: what quotes a host or another program says none of the secrets. */
export function shownProblems({ code, problems }: LbctlError): readonly Problem[] {
  if (code === "invalid") return inOrder(problems);
  if (code !== "unreachable" && code !== "bug") return problems;
  return problems.map((problem) => ({ ...problem, what: withoutAnySecret(problem.what) }));
}

/** File by file, as they first come, and each from its first line to its last. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = new Map<string, { readonly line: number; readonly problem: Problem }[]>();
  for (const problem of problems) {
    const [, file = problem.at ?? "", line = "0"] = /^(.*):(\d+)$/s.exec(problem.at ?? "") ?? [];
    const found = files.get(file) ?? [];
    found.push({ line: Number(line), problem });
    files.set(file, found);
  }
  return [...files.values()].flatMap((found) =>
    found.sort((a, b) => a.line - b.line).map(({ problem }) => problem),
  );
}
