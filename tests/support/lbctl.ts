import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { watch } from "./children.ts";

export const root = join(import.meta.dirname, "../..");

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The tests themselves may run in a job of Actions, which lbctl would take notice of. */
const plain = { NO_COLOR: "1", GITHUB_ACTIONS: "", FORGEJO_ACTIONS: "", GITHUB_STEP_SUMMARY: "" };

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the child once it runs, e.g. to send it a signal. */
  readonly started?: (child: ChildProcess) => void;
}

/** Runs the bundled lbctl as a user would, without a terminal. */
export function lbctl(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  return run(process.execPath, [join(root, "bin/lbctl.js"), ...args], options);
}

export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = watch(
      spawn(file, args, {
        cwd: options.cwd ?? root,
        env: { ...process.env, ...plain, ...options.env },
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code, stdout, stderr });
    });
    options.started?.(child);
  });
}

export interface JsonRun<Document> {
  readonly code: number | null;
  readonly document: Document;
  readonly stderr: string;
}

/** Runs lbctl and parses its JSON document. */
export async function lbctlJson<Document>(
  args: readonly string[],
  options?: RunOptions,
): Promise<JsonRun<Document>> {
  const result = await lbctl([...args, "--json"], options);
  try {
    return { code: result.code, document: JSON.parse(result.stdout) as Document, stderr: result.stderr };
  } catch {
    throw new Error(`no JSON (exit ${String(result.code)}): ${result.stdout}\n${result.stderr}`);
  }
}
