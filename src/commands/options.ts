import type { Transport } from "../remote/choose.ts";

/** What every command that reads an inventory takes. */
export interface FleetOptions {
  readonly inventory?: readonly string[];
  readonly limit?: string;
  readonly extraVars?: readonly string[];
  readonly vaultPasswordFile?: readonly string[];
  /** `LABEL@FILE`, `LABEL@prompt`, or without a label. */
  readonly vaultId?: readonly string[];
  readonly askVaultPass?: boolean;
  readonly forks: number;
  readonly transport: Transport;
  readonly askBecomePass?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  /** false with --no-input: never ask. */
  readonly input: boolean;
}

/** What a command is given besides its options. */
export interface Context {
  /** Aborted by the first Ctrl-C, SIGTERM or hangup. */
  readonly signal: AbortSignal;
  /** While this is not null a second signal only says it, instead of leaving. */
  readonly mustFinish: (why: string | null) => void;
  /** What a second signal has told before it leaves; null when there is nothing to tell any more. */
  readonly lastWords: (say: (() => void) | null) => void;
  /** Which command a second signal names, to see what it leaves; `lbctl plan` unless told otherwise. */
  readonly lookWith: (command: string) => void;
  /** The command line, without what runs it. */
  readonly words: readonly string[];
}
