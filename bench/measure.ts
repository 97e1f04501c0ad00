import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { LbctlError } from "../src/errors.ts";
import { packageRoot } from "../src/package-root.ts";
import type { BenchProject } from "./project.ts";

/** What one run cost; memory of all processes together is 0 unless it was asked for. */
export interface Cost {
  readonly ms: number;
  readonly cpuMs: number;
  /** Resident memory of the largest process, in KiB. */
  readonly largestKb: number;
  /** Highest sum of PSS over all processes, in KiB. */
  readonly allKb: number;
  /** What it printed. */
  readonly output: string;
}

const run = promisify(execFile);

/** Runs a command under measure.py. Throws LbctlError when it fails: a bench of failures measures nothing. */
export async function measure(
  words: readonly string[],
  project: BenchProject,
  options: { readonly memory?: boolean } = {},
): Promise<Cost> {
  const log = join(project.folder, "output");
  const helper = join(packageRoot(), "bench", "measure.py");
  const { stdout } = await run(
    "/usr/bin/python3",
    [helper, ...(options.memory ? ["--memory"] : []), log, ...words],
    { env: { ...process.env, ...project.env }, timeout: 600_000 },
  );
  const { status, ...cost } = JSON.parse(stdout) as Cost & { readonly status: number };
  const output = await readFile(log, "utf8");
  if (status === 0) return { ...cost, output };
  throw new LbctlError("bug", {
    what: `exit ${String(status)}: ${words.slice(0, 3).join(" ")}\n${output.trim().split("\n").slice(-15).join("\n")}`,
  });
}

/** Ends every OpenSSH master of the contestants, so that the next run is cold. */
export async function closeMasters(project: BenchProject): Promise<void> {
  const find = `find ${project.sockets} -type s -exec ssh -S {} -O exit none \\; 2>/dev/null; true`;
  await run("sh", ["-c", find]);
}
