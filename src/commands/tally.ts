import { interruptedBefore, leftToItself } from "../apply/interrupted.ts";
import { commitStep } from "../apply/transaction.ts";
import type { HostOutcome, RunEvent } from "../model/events.ts";

/** What is known of each host while a run goes on, so that whoever leaves at any moment can be told. */
export class Tally {
  /** The first host that failed. */
  failed: string | null = null;
  private readonly hosts: readonly string[];
  private readonly underWay = new Map<string, "begun" | "committing">();
  private readonly ended = new Map<string, HostOutcome>();

  constructor(hosts: readonly string[]) {
    this.hosts = hosts;
  }

  begin(host: string): void {
    this.underWay.set(host, "begun");
  }

  take(event: RunEvent): void {
    if (event.kind === "step" && event.step === commitStep) this.underWay.set(event.host, "committing");
  }

  end(outcome: HostOutcome): void {
    this.underWay.delete(outcome.host);
    this.ended.set(outcome.host, outcome);
    if (outcome.error !== null && outcome.error.code !== "interrupted") this.failed ??= outcome.host;
  }

  /** How a host ended; undefined while it has not. */
  outcomeOf(host: string): HostOutcome | undefined {
    return this.ended.get(host);
  }

  /** Of every host, in their order: how it ended, how it is left, or that it was not begun. */
  outcomes(): HostOutcome[] {
    return this.hosts.map((host) => {
      const stage = this.underWay.get(host);
      if (stage === "committing") return leftToItself(host, "had begun");
      const known = this.ended.get(host);
      if (stage === undefined) return known ?? notBegun(host, null);
      return known ?? leftToItself(host, "may have begun");
    });
  }
}

/** A host that was to change and is as it was; `failed` names whose failure ended the run, null for a signal. */
export function notBegun(host: string, failed: string | null): HostOutcome {
  if (failed !== null) return { host, outcome: "skipped", error: null, why: `not begun: ${failed} failed` };
  return { ...interruptedBefore(host), why: "not begun: interrupted" };
}
