import type { Problem } from "../errors.ts";

/** Problems by host: what several hosts share is told once. */
export class HostProblems {
  private readonly namesOne: boolean;
  private readonly found = new Map<string, { readonly problem: Problem; readonly hosts: Set<string> }>();

  /** `namesOne`: name the host also where it is the only one. */
  constructor({ namesOne }: { readonly namesOne: boolean }) {
    this.namesOne = namesOne;
  }

  add(problem: Problem, host: string): void {
    const key = `${problem.at ?? ""}\n${problem.what}`;
    const entry = this.found.get(key) ?? { problem, hosts: new Set<string>() };
    entry.hosts.add(host);
    this.found.set(key, entry);
  }

  list(): Problem[] {
    return [...this.found.values()].map(({ problem, hosts }) => ({
      ...problem,
      what: problem.what + this.suffix([...hosts]),
    }));
  }

  private suffix([first = "", ...more]: readonly string[]): string {
    if (more.length === 0) return this.namesOne ? ` (${first})` : "";
    return ` (${first} and ${more.length} more ${more.length === 1 ? "host" : "hosts"})`;
  }
}
