import type { LbctlError } from "../errors.ts";

/** What happens on a host while lbctl works, for whoever shows it. */
export type RunEvent =
  | { readonly kind: "step"; readonly host: string; readonly step: string; readonly text: string }
  | { readonly kind: "done"; readonly host: string; readonly step: string; readonly ms: number }
  | { readonly kind: "note"; readonly host: string; readonly text: string };

export type Emit = (event: RunEvent) => void;

/** How an apply ended on one host. */
export interface HostOutcome {
  readonly host: string;
  readonly outcome: "unchanged" | "changed" | "rolled-back" | "failed" | "skipped";
  readonly error: LbctlError | null;
  /** In a few words why nothing, or nothing more, was done there, where that is not the host's own failure. */
  readonly why?: string;
}
