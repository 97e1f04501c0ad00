import { answersOf, answerText, runtimeScript } from "../haproxy/runtime.ts";
import { askInPerl } from "../haproxy/socket.ts";
import { parseStat, type Stats } from "../haproxy/stat.ts";
import type { Drain } from "../model/drain.ts";
import type { Role } from "../model/role.ts";
import { startInPerl } from "../observe/lease.ts";
import type { Remote } from "../remote/port.ts";
import { quoteAll } from "../remote/shell.ts";
import { drainsInPerl } from "./in-perl.ts";

/** What HAProxy says of its servers, and who took which from its load: one round trip. Throws LbctlError. */
export async function readStatus(
  remote: Remote,
  { state }: Pick<Role, "state">,
  signal: AbortSignal,
): Promise<{ readonly stats: Stats; readonly drains: readonly Drain[] }> {
  const commands = ["show stat"];
  const script = `${drainsScript(state)}\n${runtimeScript(commands)}`;
  const result = await remote.run({ script, signal, idleTimeoutMs: 30_000 });
  const lines = result.stdout.split("\n");
  const ofHaproxy = lines.filter((line) => !line.startsWith("lbctl-drain ")).join("\n");
  const [answer] = answersOf(remote.host, { ...result, stdout: ofHaproxy }, commands);
  return { stats: parseStat(answerText(remote.host, answer)), drains: drainsIn(result.stdout) };
}

/** Prints a line for each that is as it was set, for `drainsIn`; a host where nobody took anything is asked for nothing. */
function drainsScript(state: string): string {
  const file = quoteAll([`${state}/state/drains`]);
  return `[ ! -s ${file} ] || perl -e '${askInPerl}${startInPerl}${drainsInPerl}
my ($admin) = admin_states();
for (drains(shift)) { my ($server, $master, $token, $since, $until, $to, $json) = split " ", $_, 7;
  next unless is_as($admin->{$server}, $to);
  printf "lbctl-drain %s %d %s %s %s\\n", $server, uptime() - $since, $until ? $until - uptime() : "-", $to, $json; }
' -- ${quoteAll([state])}`;
}

/** Reads what was printed so, among other lines. What is no such line is none. Pure. */
export function drainsIn(stdout: string): Drain[] {
  return stdout.split("\n").flatMap((line) => {
    const [, server = "", since, left, to, json = ""] =
      /^lbctl-drain (\S+) (\d+) (-|-?\d+) (drain|maint) (\{[^\n]*\})$/.exec(line) ?? [];
    const words = wordsIn(json);
    if (server === "" || words === null) return [];
    const leftSeconds = left === "-" ? null : Math.max(0, Number(left));
    const state = to === "drain" ? "drain" : "maint";
    return [{ server, state, ...words, sinceSeconds: Number(since), leftSeconds }];
  });
}

/** The file is the host's, and may have been edited: what lbctl did not write is no record. */
function wordsIn(json: string): Pick<Drain, "by" | "reason"> | null {
  try {
    const { by, reason } = JSON.parse(json) as Record<string, unknown>;
    if (typeof by !== "string") return null;
    return { by, reason: typeof reason === "string" ? reason : null };
  } catch {
    return null;
  }
}
