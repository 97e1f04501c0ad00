import { LbctlError, type Problem } from "../errors.ts";

/** Gathers the problems of many independent parts, so that all are told at once. */
export class Problems {
  private readonly found = new Map<string, Problem>();

  add(problem: Problem): void {
    this.found.set(`${problem.at ?? ""}\n${problem.what}`, problem);
  }

  /** Adds what would only repeat other problems in other words. */
  addIfNone(problem: Problem): void {
    if (this.found.size === 0) this.add(problem);
  }

  addAll(problems: Iterable<Problem>): void {
    for (const problem of problems) this.add(problem);
  }

  /** Runs `part`; keeps what is wrong with it and answers undefined. Bugs pass through. */
  async attempt<T>(part: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await part();
    } catch (error) {
      this.take(error);
      return undefined;
    }
  }

  /** Keeps an `invalid` error's problems, and throws anything else again. */
  take(error: unknown): void {
    if (!(error instanceof LbctlError) || error.code !== "invalid") throw error;
    this.addAll(error.problems);
  }

  list(): Problem[] {
    return [...this.found.values()];
  }

  throwIfAny(): void {
    if (this.found.size > 0) throw new LbctlError("invalid", this.list());
  }
}

export function invalid(what: string, at: string, hint: string): LbctlError {
  return new LbctlError("invalid", { what, at, hint });
}
