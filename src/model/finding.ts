/** The four steps of validation, each with the words that stand for it in messages. */
export const validationSteps = {
  "haproxy-check": "haproxy -c",
  "dry-boot": "the dry boot",
  "bind-preflight": "the bind preflight",
  listeners: "the check of listeners",
} as const;

export type ValidationStep = keyof typeof validationSteps;

/** Why a step of validation refuses a candidate. */
export interface Finding {
  readonly step: ValidationStep;
  /** Line of haproxy.cfg, from 1; null when none can be named, or the text names it itself, as HAProxy's alerts do. */
  readonly line: number | null;
  readonly text: string;
  /** Variables that led here though the line may not print them. */
  readonly variables?: readonly string[];
  readonly hint?: string;
}
