import type { ChildProcess } from "node:child_process";

/** Each that still runs, and whether it leads a process group. */
const running = new Map<ChildProcess, { readonly leads: boolean }>();

/** From now on `endChildren` ends this one too, if it still runs then. */
export function watch<Child extends ChildProcess>(child: Child, how = { leads: false }): Child {
  running.set(child, how);
  return child.once("close", () => running.delete(child));
}

export function endChildren(): void {
  for (const child of running.keys()) end(child);
}

/** Ends one that is watched, and the group that it leads. */
export function end(child: ChildProcess): void {
  try {
    if (running.get(child)?.leads && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {
    // its group has gone
  }
  child.kill("SIGKILL");
  // what left the group may hold them open
  child.stdout?.destroy();
  child.stderr?.destroy();
}
