import { mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { LbctlError } from "../errors.ts";
import { readIfThere, writeAtomically } from "./files.ts";
import type { UpgradedPackage } from "./simulation.ts";

export interface AddedLine {
  readonly file: string;
  readonly line: string;
}

/** A daemon that the lab started: a process of its own, or the machine's service. */
export type StartedDaemon =
  | { readonly kind: "process"; readonly pid: number; readonly startTime: string }
  | { readonly kind: "service"; readonly unit: string };

/** What the lab changed on the machine. Each entry is written before its change, so an interrupted one can be undone. */
export interface LabState {
  readonly format: 1;
  readonly aptSource?: string;
  readonly packages?: readonly string[];
  readonly upgraded?: readonly UpgradedPackage[];
  readonly lines?: readonly AddedLine[];
  readonly sysctl?: { readonly previous: number; readonly set: number };
  readonly daemon?: StartedDaemon;
  /** Folders, groups and users that were not there before the packages came; their removal is the lab's too. */
  readonly folders?: readonly string[];
  readonly groups?: readonly string[];
  readonly users?: readonly string[];
  /** The first three numbers of the bridge, once the lab's objects in Incus are made. */
  readonly subnet?: string;
}

const empty: LabState = { format: 1 };

export class StateFile {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  async read(): Promise<LabState> {
    const text = await readIfThere(this.#file);
    if (text === undefined) return empty;
    const state = JSON.parse(text) as { format?: unknown };
    if (state.format !== 1) {
      throw new LbctlError("invalid", {
        what: `the lab's state has format ${String(state.format)}, this lbctl knows 1`,
        at: this.#file,
        hint: "Use the lbctl that made the lab.",
      });
    }
    return state as LabState;
  }

  async record(change: Omit<Partial<LabState>, "format">): Promise<void> {
    await writeAtomically(this.#file, `${JSON.stringify({ ...(await this.read()), ...change }, null, 2)}\n`);
  }

  async forget(...keys: readonly Exclude<keyof LabState, "format">[]): Promise<void> {
    const entries = Object.entries(await this.read()).filter(([name]) => !keys.some((key) => key === name));
    await writeAtomically(this.#file, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
  }
}

/** One lab command at a time. */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  await takeLock(file);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/** Throws LbctlError `busy` while another process holds it; one whose holder is gone is taken over. */
export async function takeLock(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = await open(file, "wx");
      await handle.writeFile(String(process.pid));
      await handle.close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const holder = Number(await readFile(file, "utf8").catch(() => "0"));
      if (attempt > 2 || isAlive(holder)) {
        throw new LbctlError("busy", {
          what: `another lab command is at work (process ${holder})`,
          at: file,
          hint: "Wait for it to end.",
        });
      }
      await rm(file, { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
