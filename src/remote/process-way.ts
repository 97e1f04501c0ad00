import { runProcess } from "./process.ts";
import type { Way } from "./run.ts";

/** A way that is a local program: `args` puts the command line into its argument vector. */
export function execProcess(file: string, args: (command: string) => readonly string[]): Way["exec"] {
  return async (command, { signal, ...streams }) => {
    const result = await runProcess(file, args(command), { streams, signal, detached: true });
    if (result.exitCode !== null) return `${file} ended with ${String(result.exitCode)}`;
    const cause = result.cause ?? "";
    // the message ends with the whole command line, script included
    return cause.includes("ENOENT") ? noProgram : (cause.split(`: ${file} `)[0] ?? "");
  };
}

/** What `exec` says when this machine does not have the program. */
export const noProgram = "there is no such program";
