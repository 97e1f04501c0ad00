import { rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestProject } from "vitest/node";
import { LbctlError } from "../../src/errors.ts";
import { takeLock } from "../../src/lab/state.ts";

/** One lab serves all clones on a machine, so their tests of one project take turns. Waits 20 minutes at most. */
export default async function takeTurn({ name }: TestProject): Promise<() => Promise<void>> {
  const file = join(homedir(), ".cache", "lbctl", `tests-${name}.lock`);
  for (let seconds = 0; ; seconds += 1) {
    try {
      await takeLock(file);
      return () => rm(file, { force: true });
    } catch (error) {
      if (!(error instanceof LbctlError) || error.code !== "busy" || seconds === 1200) throw error;
      if (seconds === 0) process.stderr.write(`waiting for another run of the tests (${name}) to end\n`);
      await sleep(1000);
    }
  }
}
