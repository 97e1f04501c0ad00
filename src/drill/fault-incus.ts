import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProcessResult } from "../remote/process.ts";
import type { Fault, FaultDeps } from "./fault.ts";
import { failureOf, shellWords } from "./process-failure.ts";
import type { FaultPlan } from "./scenario.ts";

/** Pulls the plug of an Incus instance with the local `incus` client, through sudo where only that may. */
export function incusFault(plan: FaultPlan & { kind: "incus" }, { run, uid }: FaultDeps): Fault {
  const prefix = plan.remote === null ? "" : `${plan.remote}:`;
  const stop = ["incus", "stop", "--force", "--project", plan.project, prefix + plan.instance];
  const start = ["incus", "start", "--project", plan.project, prefix + plan.instance];
  const query = ["incus", "query", `${prefix}/1.0/instances/${plan.instance}/state?project=${plan.project}`];
  let sudo: readonly string[] = [];

  const runWords = async (
    words: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<ProcessResult> => {
    // sudo drops the environment
    const through =
      sudo.length === 0 ? [] : [...sudo, "env", ...Object.entries(env).map((pair) => pair.join("="))];
    const [file = "", ...args] = [...through, ...words];
    return await run(file, args, { timeoutMs: 60_000, env });
  };
  const exec = async (words: readonly string[]): Promise<ProcessResult> => {
    if (plan.remote !== null) return runWords(words, {});
    // The client writes a configuration where there is none; for the server on this machine it needs none.
    const folder = await mkdtemp(join(tmpdir(), "lbctl-incus-"));
    try {
      return await runWords(words, { INCUS_CONF: folder, INCUS_CACHE: folder });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  const status = async (): Promise<string> => {
    let result = await exec(query);
    if (result.exitCode !== 0 && uid !== 0 && sudo.length === 0 && refusal.test(result.stderr)) {
      sudo = ["sudo", "-n"];
      result = await exec(query);
    }
    if (result.exitCode !== 0) throw new Error(failureOf(shellWords([...sudo, ...query]), result));
    return statusIn(result.stdout);
  };

  return {
    get killCommand() {
      return shellWords([...sudo, ...stop]);
    },
    get reviveCommand() {
      return shellWords([...sudo, ...start]);
    },
    async prepare() {
      const now = await status();
      if (now !== "Running")
        throw new Error(
          `the Incus instance ${plan.instance} is ${now}, not Running; start it with: ${this.reviveCommand}`,
        );
    },
    async kill() {
      const result = await exec(stop);
      if (result.exitCode !== 0) throw new Error(failureOf(this.killCommand, result));
    },
    async revive() {
      const result = await exec(start);
      if (result.exitCode === 0) return;
      // Already running is what was asked for.
      if ((await status()) !== "Running") throw new Error(failureOf(this.reviveCommand, result));
    },
  };
}

const refusal = /permission|not authorized|unix\.socket|daemon/i;

function statusIn(json: string): string {
  const state: unknown = JSON.parse(json);
  return typeof state === "object" && state !== null && "status" in state && typeof state.status === "string"
    ? state.status
    : "in an unknown state";
}
