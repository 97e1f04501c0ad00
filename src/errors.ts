/** What went wrong, as a word that code may branch on. Each has one exit code. */
export type ErrorCode =
  | "bug"
  | "invalid"
  | "unreachable"
  | "rejected"
  | "rolled-back"
  | "busy"
  | "drill-failed"
  | "drill-inconclusive"
  | "degraded"
  | "unavailable"
  | "partial"
  | "interrupted";

export const exitCodes: Readonly<Record<ErrorCode, number>> = {
  bug: 1,
  invalid: 3,
  unreachable: 4,
  rejected: 5,
  "rolled-back": 6,
  busy: 7,
  "drill-failed": 8,
  "drill-inconclusive": 9,
  degraded: 10,
  unavailable: 11,
  partial: 12,
  interrupted: 130,
};

/** One thing to mend: what is wrong, where it was written, and what to do next. */
export interface Problem {
  readonly what: string;
  /** `file:line`, a host, or a path in a document, most exact first. */
  readonly at?: string;
  /** `file:line` of what was written that led here, the most telling first, when `at` is not that. */
  readonly from?: readonly string[];
  /** The step of validation that refused, e.g. `dry-boot`. */
  readonly step?: string;
  /** `file:line` of what was rendered, below the set's root. */
  readonly rendered?: string;
  /** What would be overwritten, as unified diffs: for programs, since people were shown it. */
  readonly diff?: string;
  /** The next thing to do, as an imperative sentence. */
  readonly hint?: string;
}

/** The only error that lbctl throws on purpose. It carries every problem found, never just the first. */
export class LbctlError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, problems: Problem | readonly Problem[], options?: { cause?: unknown }) {
    const list = Array.isArray(problems) ? (problems as readonly Problem[]) : [problems as Problem];
    super(
      list.map((problem) => (problem.at ? `${problem.at}: ${problem.what}` : problem.what)).join("\n"),
      options,
    );
    this.name = "LbctlError";
    this.code = code;
    this.problems = list;
  }
}
