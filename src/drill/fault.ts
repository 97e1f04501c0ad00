import type { Remote } from "../remote/port.ts";
import type { ProcessOptions, ProcessResult } from "../remote/process.ts";

/** Kills the victim and brings it back. Each method throws an Error whose message says why it failed. */
export interface Fault {
  /** What an operator would type. */
  readonly killCommand: string;
  readonly reviveCommand: string;
  /** Whether kill and revive can work at all; touches nothing. */
  prepare(): Promise<void>;
  kill(): Promise<void>;
  /** May be called again, and for a victim that never died. */
  revive(): Promise<void>;
}

type Run = (file: string, args: readonly string[], options?: ProcessOptions) => Promise<ProcessResult>;

export interface FaultDeps {
  readonly run: Run;
  readonly remote: (host: string) => Remote;
  /** Effective user id; only Incus asks, to know whether sudo could help. */
  readonly uid: number;
}
