import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export type Question =
  readonly ["list"] | readonly ["resolved"] | readonly ["graph" | "host" | "select" | "limit", string];

export interface Job {
  readonly cwd: string;
  /** As for `ansible-inventory`. */
  readonly args: readonly string[];
  readonly ask: readonly Question[];
}

export interface Answer {
  readonly ok?: unknown;
  readonly error?: string;
  readonly warnings: string;
}

/** What Ansible makes of each job, asked in one process. */
export function askAnsible(jobs: readonly Job[]): Answer[][] {
  const path = execFileSync("sh", ["-c", "command -v ansible-inventory"], { encoding: "utf8" }).trim();
  // the Python that has Ansible, which need not be the first one on the path
  const python = /^#! ?(\S+)/.exec(readFileSync(path, "utf8"))?.[1] ?? "python3";
  const script = join(import.meta.dirname, "ask-ansible.py");
  const { status, stdout, stderr } = spawnSync(python, [script], {
    input: JSON.stringify(jobs),
    encoding: "utf8",
    maxBuffer: 1024 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`Ansible could not be asked: ${stderr}`);
  return JSON.parse(stdout) as Answer[][];
}
