import { LbctlError, type Problem } from "../errors.ts";
import { printJson, printProgress } from "./out.ts";
import { errorStyle as style } from "./style.ts";

/** Prints an error: each problem with its place and what to do next. The stack only when asked for. */
export function reportError(error: unknown, options: { json: boolean; verbose: boolean }): void {
  const known = error instanceof LbctlError ? error : bug(error);
  if (options.json) printJson(errorDocument(known));
  printProgress(known.problems.flatMap((problem) => problemLines(problem)));
  if (options.verbose && error instanceof Error && error.stack !== undefined)
    printProgress([style.dim(error.stack)]);
}

/** The problems of several hosts, each told once. */
export function reportProblems(errors: readonly LbctlError[]): void {
  printProgress([
    ...new Set(errors.flatMap(({ problems }) => problems.map((problem) => problemLines(problem).join("\n")))),
  ]);
}

/** What is worth knowing and stops nothing. */
export function reportWarnings(problems: readonly Problem[]): void {
  printProgress(problems.flatMap((problem) => problemLines(problem, style.yellow("note:"))));
}

/** The JSON form of an error. */
function errorDocument(error: LbctlError): object {
  return { format_version: 1, error: { code: error.code, problems: error.problems } };
}

/** One problem as lines: `error: PLACE: WHAT`, then the hint. */
function problemLines(problem: Problem, word = style.red("error:")): string[] {
  const place = problem.at === undefined ? "" : `${style.bold(problem.at)}: `;
  const [first = "", ...rest] = problem.what.split("\n");
  return [
    `${word} ${place}${first}`,
    ...rest.map((line) => `       ${line}`),
    ...(problem.hint === undefined ? [] : [`       ${style.cyan(problem.hint)}`]),
  ];
}

function bug(error: unknown): LbctlError {
  const what = error instanceof Error ? error.message : String(error);
  return new LbctlError("bug", {
    what: `unexpected: ${what}`,
    hint: "Run it again with -v and report this.",
  });
}
