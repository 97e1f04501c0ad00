import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { execa } from "execa";

export interface ProcessOptions {
  /** Bytes for the child's stdin; without it stdin is /dev/null. */
  readonly input?: string | Uint8Array;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Called for each line of stdout as it arrives. */
  readonly onLine?: (line: string) => void;
  /** Given to the caller as they arrive, and not kept. `input` is the child's stdin. */
  readonly streams?: {
    readonly input: Readable;
    readonly onOutput: (chunk: Uint8Array) => void;
    readonly onError: (chunk: Uint8Array) => void;
  };
  /** Out of reach of the terminal's Ctrl-C: lbctl decides when it ends. */
  readonly detached?: boolean;
  /** Give the child this process's terminal; nothing is captured. */
  readonly interactive?: boolean;
}

/** A failure has the shape of a success: look at `exitCode`. */
export interface ProcessResult {
  /** null when the program could not be started, was killed or timed out. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** One line on why there is no exit code, for messages. */
  readonly cause?: string;
}

/** Runs a local program by argument vector, never through a shell. Never throws for what the program does. */
export async function runProcess(
  file: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<ProcessResult> {
  const { onLine, streams } = options;
  const child = execa(file, args, {
    reject: false,
    stripFinalNewline: false,
    maxBuffer: 512 * 1024 * 1024,
    ...(options.interactive
      ? { stdio: "inherit" as const }
      : streams
        ? { stdin: "pipe" as const, buffer: false }
        : options.input === undefined
          ? { stdin: "ignore" as const }
          : { input: options.input }),
    ...(options.env ? { env: options.env } : {}),
    ...(options.detached ? { detached: true } : {}),
    ...(options.cwd ? { cwd: options.cwd } : {}),
    ...(options.timeoutMs ? { timeout: options.timeoutMs } : {}),
    ...(options.signal ? { cancelSignal: options.signal, forceKillAfterDelay: 1000 } : {}),
  });
  const readers: Promise<void>[] = [];
  if (onLine) readers.push(readLines(child.iterable({ from: "stdout" }), onLine));
  if (streams) connect(child, streams);
  // An ssh master holds a killed client's pipes open, so their end must not be waited for.
  const letGo = (): void => {
    child.stdout.destroy();
    child.stderr.destroy();
  };
  options.signal?.addEventListener("abort", letGo);
  const result = await child;
  options.signal?.removeEventListener("abort", letGo);
  await Promise.allSettled(readers);
  return {
    exitCode: result.exitCode ?? null,
    stdout: typeof result.stdout === "string" ? result.stdout : "",
    stderr: typeof result.stderr === "string" ? result.stderr : "",
    timedOut: result.timedOut,
    ...(result.exitCode === undefined && result.failed ? { cause: result.shortMessage } : {}),
  };
}

/** Starts a local program that outlives this process, and hears nothing more of it. */
export function startProcess(file: string, args: readonly string[]): void {
  const child = execa(file, args, { detached: true, cleanup: false, stdio: "ignore", reject: false });
  child.unref();
}

function connect(
  child: Pick<ChildProcess, "stdin" | "stdout" | "stderr">,
  streams: NonNullable<ProcessOptions["streams"]>,
): void {
  child.stdout?.on("data", streams.onOutput);
  child.stderr?.on("data", streams.onError);
  // a child that ends without reading all of its input is no error here
  child.stdin?.on("error", () => undefined);
  if (child.stdin) streams.input.pipe(child.stdin);
}

async function readLines(lines: AsyncIterable<unknown>, onLine: (line: string) => void): Promise<void> {
  for await (const line of lines) onLine(String(line));
}
