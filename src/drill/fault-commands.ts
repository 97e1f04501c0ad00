import type { Fault, FaultDeps } from "./fault.ts";
import { failureOf, shellWords } from "./process-failure.ts";
import type { FaultPlan } from "./scenario.ts";

/** The operator's own commands, run here as words, never through a shell. Each must exit 0 within a minute. */
export function commandsFault(plan: FaultPlan & { kind: "commands" }, { run }: FaultDeps): Fault {
  const exec = async (words: readonly string[]): Promise<void> => {
    const [file = "", ...args] = words;
    const result = await run(file, args, { timeoutMs: 60_000 });
    if (result.exitCode !== 0) throw new Error(failureOf(shellWords(words), result));
  };
  return {
    killCommand: shellWords(plan.kill),
    reviveCommand: shellWords(plan.revive),
    prepare: () => Promise.resolve(),
    kill: () => exec(plan.kill),
    revive: () => exec(plan.revive),
  };
}
