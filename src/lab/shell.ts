import { LbctlError } from "../errors.ts";
import { runProcess, type ProcessOptions, type ProcessResult } from "../remote/process.ts";

/** Runs local programs as the user, or as root through sudo. */
export interface Shell {
  readonly isRoot: boolean;
  run(argv: readonly string[], options?: ProcessOptions): Promise<ProcessResult>;
  /** As `run`, as root. */
  root(argv: readonly string[], options?: ProcessOptions): Promise<ProcessResult>;
  /** Asks for sudo's password where that is needed, once, before anything else is on the terminal. */
  prepareRoot(): Promise<void>;
}

export function createShell(
  interactive: boolean,
  signal?: AbortSignal,
  uid: number = process.getuid?.() ?? -1,
): Shell {
  const isRoot = uid === 0;
  let ready = isRoot;
  const run = async (argv: readonly string[], options?: ProcessOptions): Promise<ProcessResult> => {
    const [file = "", ...args] = argv;
    const result = await runProcess(file, args, { ...options, ...(signal ? { signal } : {}) });
    if (signal?.aborted) {
      throw new LbctlError("interrupted", {
        what: "the lab was interrupted half-way",
        hint: "Run the same command again: it goes on from here. `lbctl lab down --all` undoes what was done.",
      });
    }
    return result;
  };
  const prepareRoot = async (): Promise<void> => {
    if (ready) return;
    const silent = await run(["sudo", "-n", "true"]);
    if (silent.exitCode !== 0 && interactive) await run(["sudo", "-v"], { interactive: true });
    ready = silent.exitCode === 0 || (await run(["sudo", "-n", "true"])).exitCode === 0;
    if (!ready) {
      throw new LbctlError("invalid", {
        what: "the lab needs root on this machine, and sudo does not give it",
        hint: "Run this as root, or on a terminal where sudo can ask for your password.",
      });
    }
  };
  return {
    isRoot,
    run,
    prepareRoot,
    async root(argv, options) {
      await prepareRoot();
      if (isRoot) return await run(argv, options);
      // sudo drops the environment
      const env = Object.entries(options?.env ?? {}).map(([name, value]) => `${name}=${value}`);
      return await run(["sudo", "-n", "env", ...env, ...argv], options);
    },
  };
}

function lastWords(text: string): string[] {
  return text.trim() === "" ? [] : text.trim().split("\n").slice(-8);
}

/** The result of a program that should have succeeded, or an error with the last words it said. */
export function expectSuccess(result: ProcessResult, what: string, hint?: string): ProcessResult {
  if (result.exitCode === 0) return result;
  // apt tells what dpkg said on its stdout
  const said = [result.stdout, result.stderr].flatMap(lastWords).join("\n");
  const why = said === "" ? (result.cause ?? `exit code ${result.exitCode}`) : said;
  throw new LbctlError("bug", { what: `${what}: ${why}`, ...(hint === undefined ? {} : { hint }) });
}
