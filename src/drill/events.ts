import type { ErrorCode } from "../errors.ts";
import type { DrillDocument } from "./document.ts";

/** What a drill does, as it does it. */
export type DrillEvent =
  | { readonly kind: "steady"; readonly loadBalancers: readonly string[]; readonly servers: number }
  | { readonly kind: "load"; readonly url: string; readonly rate: number }
  | { readonly kind: "progress"; readonly sent: number; readonly failed: number }
  | {
      readonly kind: "kill";
      readonly server: string;
      readonly command: string;
      readonly reviveCommand: string;
    }
  | { readonly kind: "down"; readonly server: string; readonly sinceKillMs: number }
  | { readonly kind: "revive"; readonly server: string; readonly attempt: number }
  | { readonly kind: "revive-failed"; readonly why: string; readonly retryMs: number | null }
  | { readonly kind: "revived"; readonly server: string }
  | { readonly kind: "up"; readonly server: string; readonly sinceReviveMs: number }
  | { readonly kind: "trouble"; readonly what: string };

export type OnDrillEvent = (event: DrillEvent) => void;

/** The error code of a verdict, whose exit code is the command's; null when the drill passed. */
export function drillCode({ verdict }: DrillDocument): ErrorCode | null {
  return { pass: null, fail: "drill-failed" as const, inconclusive: "drill-inconclusive" as const }[verdict];
}
