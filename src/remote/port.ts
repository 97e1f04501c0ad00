/** One POSIX script to run on a host. */
export interface RemoteScript {
  /** Runs under `sh` as root (after `become`) with LC_ALL=C. Never holds a secret or an unchecked value. */
  readonly script: string;
  /**
   * The script's stdin, whole; or what makes it as the script runs, anew for each attempt, until the signal says that
   * it is over. What is sent like that is no progress for `idleTimeoutMs`; what comes back is.
   */
  readonly payload?: Uint8Array | ((over: AbortSignal) => AsyncIterable<Uint8Array>);
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

/** A host, over the one connection that serves every run. */
export interface Reachable extends Remote {
  /** The same host over a connection of its own, which shares nothing with those that are open. */
  readonly anew: () => Remote;
}
