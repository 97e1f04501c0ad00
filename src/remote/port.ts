/** One POSIX script to run on a host. */
export interface RemoteScript {
  /** Runs under `sh` as root (after `become`) with LC_ALL=C. Never holds a secret or an unchecked value. */
  readonly script: string;
  /** The script's stdin, whole. */
  readonly payload?: Uint8Array;
  /** Called for each line of stdout as it arrives. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Give up when nothing arrives for this long. */
  readonly idleTimeoutMs?: number;
}

export interface RemoteResult {
  /** The script's own exit status, framed by lbctl's protocol: never the transport's. */
  readonly status: number;
  /** What the script printed, without what a banner or .bashrc printed before it. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs scripts on one host over one connection. */
export interface Remote {
  readonly host: string;
  /** Throws LbctlError `unreachable` when the host cannot be reached, refuses the login, or the link is lost. */
  run(request: RemoteScript): Promise<RemoteResult>;
  close(): Promise<void>;
}
