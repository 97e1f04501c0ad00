import type { Finding } from "../model/finding.ts";
import { checkListeners } from "./check-listeners.ts";
import { readConfig } from "./config.ts";
import { expectations, type Expected } from "./expectations.ts";
import { findListeners } from "./listeners.ts";

/** What can be said of a rendered haproxy.cfg before it travels. */
export interface Candidate {
  /** Why it is refused; empty when it is not. */
  readonly findings: readonly Finding[];
  /** For the steps on the target. */
  readonly expectations: string;
}

/** Reads a rendered haproxy.cfg. Pure. */
export function readCandidate(config: string, expected: Expected): Candidate {
  const lines = readConfig(config);
  const listeners = findListeners(lines);
  return {
    findings: checkListeners(lines, listeners, expected.ports),
    expectations: expectations(lines, listeners, expected),
  };
}
