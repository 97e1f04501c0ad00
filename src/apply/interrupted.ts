import { LbctlError } from "../errors.ts";
import type { HostOutcome } from "../model/events.ts";
import type { Role } from "../model/role.ts";
import { liveFunctions } from "../observe/look.ts";
import { quote } from "../remote/shell.ts";
import type { Remote } from "../remote/port.ts";

/** After the first signal a host whose swap has begun has this long to reach a safe end. */
export const safeEndMs = 25_000;

/** Seconds that a script which was cut off has to end, at its next event. */
const endsWithinSeconds = 10;

/** Nothing of the host was touched. */
export function interruptedBefore(host: string): HostOutcome {
  const what = "interrupted before the change; nothing was touched";
  return { host, outcome: "skipped", error: new LbctlError("interrupted", { what, at: host }) };
}

/** The host is left to itself: from the swap on, the script there needs nobody. */
export function leftToItself(host: string, begun: "had begun" | "may have begun"): HostOutcome {
  const end = begun === "had begun" ? "it" : "then it";
  const error = new LbctlError("interrupted", {
    what: `the swap ${begun}: ${end} finishes or goes back by itself`,
    at: host,
    hint: "`lbctl plan` shows what is there.",
  });
  return { host, outcome: "failed", error };
}

/**
 * Prints `untouched` when the host is still what was looked at, once whoever was changing it has ended. A change that
 * was made and taken back by then, known by the token of its commit, was one.
 */
export function untouchedScript(role: Role, digest: string, token = "none"): string {
  return `${liveFunctions(role)}
mkdir -p /run/lbctl
exec 9>"/run/lbctl/$service.lock"
flock -w ${String(endsWithinSeconds)} 9 || exit
made=
[ ! -e "/run/lbctl/$service.commit" ] || read -r made <"/run/lbctl/$service.commit"
seen=$(look)
[ "$made" != ${quote(token)} ] && [ "$(printf '%s\\n' "$seen" | sha256sum)" = ${quote(`${digest}  -`)} ] && echo untouched || echo touched`;
}

/**
 * What an abort before the swap came to. The script on the host may have gone on until it saw that nobody listens, so
 * the host is asked, by `untouchedScript`.
 */
export async function afterAbort(remote: Remote, question: string): Promise<HostOutcome> {
  const { host } = remote;
  const answer = await remote.run({ script: question, signal: AbortSignal.timeout(safeEndMs) }).then(
    ({ stdout }) => stdout.trim(),
    () => "no answer",
  );
  if (answer === "untouched") return interruptedBefore(host);
  return leftToItself(host, answer === "touched" ? "had begun" : "may have begun");
}
