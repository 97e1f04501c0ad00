import { LbctlError, type Problem } from "../errors.ts";
import { annotation, inActions } from "./actions.ts";
import { problemsMarkdown } from "./markdown.ts";
import { printCommands, printJson, printProgress } from "./out.ts";
import { shownProblems } from "./problems.ts";
import { errorStyle as style } from "./style.ts";
import { appendSummary } from "./summary.ts";
import { visible, visibleLine } from "./visible.ts";

/** Prints an error: each problem with its place and what to do next. The stack only when asked for. */
export function reportError(error: unknown, options: { json: boolean; verbose: boolean }): void {
  const known = error instanceof LbctlError ? error : bug(error);
  if (options.json) printJson(errorDocument(known));
  const problems = shownProblems(known);
  printProgress(problems.flatMap((problem) => problemLines(problem)));
  annotate("error", problems);
  appendSummary(problemsMarkdown(problems));
  if (options.verbose && error instanceof Error && error.stack !== undefined)
    printProgress([style.dim(error.stack)]);
}

/** The problems of several hosts, each told once. */
export function reportProblems(errors: readonly LbctlError[]): void {
  const problems = errors.flatMap(shownProblems);
  printProgress([...new Set(problems.map((problem) => problemLines(problem).join("\n")))]);
  annotate("error", problems);
}

/** What is worth knowing of each host, for the job's people; on a terminal the plan says it. */
export function annotateWarnings(
  hosts: readonly { readonly host: string; readonly warnings: readonly string[] }[],
): void {
  annotate(
    "warning",
    hosts.flatMap(({ host, warnings }) => warnings.map((what) => ({ what, at: host }))),
  );
}

/** Shows problems beside the lines of the change that they name. Nothing outside of a job. */
function annotate(level: "error" | "warning", problems: readonly Problem[]): void {
  if (!inActions) return;
  const workspace = process.env.GITHUB_WORKSPACE ?? process.cwd();
  printCommands([...new Set(problems.map((problem) => annotation(level, problem, workspace)))]);
}

/** What is worth knowing and stops nothing. */
export function reportWarnings(problems: readonly Problem[]): void {
  printProgress(problems.flatMap((problem) => problemLines(problem, style.yellow("note:"))));
  annotate("warning", problems);
}

/** The JSON form of an error. */
function errorDocument(error: LbctlError): object {
  return { format_version: 1, error: { code: error.code, problems: shownProblems(error) } };
}

/** One problem as lines: `error: PLACE: WHAT`, then the hint. */
function problemLines(problem: Problem, word = style.red("error:")): string[] {
  const place = problem.at === undefined ? "" : `${style.bold(visibleLine(problem.at))}: `;
  const [first = "", ...rest] = visible(problem.what).split("\n");
  return [
    `${word} ${place}${first}`,
    ...rest.map((line) => `       ${line}`),
    ...(problem.hint === undefined ? [] : [`       ${style.cyan(visibleLine(problem.hint))}`]),
  ];
}

function bug(error: unknown): LbctlError {
  const what = error instanceof Error ? error.message : String(error);
  return new LbctlError("bug", {
    what: `unexpected: ${what}`,
    hint: "Run it again with -v and report this.",
  });
}
