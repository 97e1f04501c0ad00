import { LbctlError } from "../../src/errors.ts";
import type { Remote } from "../../src/remote/port.ts";
import { runProcess } from "../../src/remote/process.ts";

/** A Remote that runs scripts on this machine: for tests of what the scripts do. */
export function localRemote(host: string): Remote {
  return {
    host,
    async run({ script, payload, onLine, signal }) {
      const result = await runProcess("sh", ["-c", script], {
        env: { LC_ALL: "C" },
        ...(payload instanceof Uint8Array ? { input: payload } : {}),
        ...(onLine ? { onLine } : {}),
        ...(signal ? { signal } : {}),
      });
      if (signal?.aborted) throw new LbctlError("interrupted", { at: host, what: "interrupted" });
      if (result.exitCode === null) throw new Error(result.cause ?? "the script was stopped");
      return { status: result.exitCode, stdout: result.stdout, stderr: result.stderr };
    },
    close: () => Promise.resolve(),
  };
}
