import type { LocalConnection } from "../model/fleet.ts";
import type { Remote } from "./port.ts";
import { execProcess } from "./process-way.ts";
import { lostWhileRunning, remoteOver } from "./run.ts";

/** This machine itself. */
export function local(host: string, connection: LocalConnection): Remote {
  const target = "this machine";
  return remoteOver(host, connection, {
    target,
    exec: execProcess("/bin/sh", (command) => ["-c", command]),
    explain: ({ said, began, cause }) =>
      began
        ? lostWhileRunning(target, said || cause)
        : { what: `no shell could be run here: ${said || cause}`, hint: "Check that /bin/sh runs." },
  });
}
