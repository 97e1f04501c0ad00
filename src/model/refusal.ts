import { LbctlError } from "../errors.ts";
import { validationSteps, type Finding } from "./finding.ts";

/** The candidate was refused: exit 5, and nothing live was touched. Its findings can still be explained better. */
export class Refusal extends LbctlError {
  readonly findings: readonly Finding[];

  constructor(host: string, findings: readonly Finding[]) {
    super(
      "rejected",
      findings.map(({ step, text }) => ({ what: `${validationSteps[step]}: ${text}`, at: host, step })),
    );
    this.findings = findings;
  }
}
