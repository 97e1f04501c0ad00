import { answersOf, answerText, runtimeScript } from "../haproxy/runtime.ts";
import { askInPerl, masterSocket } from "../haproxy/socket.ts";
import { parseStat, type Stats } from "../haproxy/stat.ts";
import type { Drain } from "../model/drain.ts";
import type { Role } from "../model/role.ts";
import { startInPerl } from "../observe/lease.ts";
import type { Remote } from "../remote/port.ts";
import { quoteAll } from "../remote/shell.ts";

/**
 * Perl's part that knows who took which server from its load. `state/drains` has a line for each:
 * `POOL/SERVER MASTER TOKEN SINCE UNTIL {JSON}`, times by the host's uptime. A restart of HAProxy forgets every drain, and
 * with the master that made it a line loses its meaning.
 */
export const drainsInPerl = String.raw`${startInPerl}
sub up { open my $file, "<", "/proc/uptime" or die "there is no /proc/uptime\n"; return int((split " ", <$file>)[0]) }
sub master { my ($list) = ask("${masterSocket}", "show proc");
  my ($pid) = ($list // "") =~ /^(\d+)\s+master\s/m or return "";
  return "$pid." . start_of($pid); }
sub drains { my ($state) = @_; my $master = master();
  open my $file, "<", "$state/state/drains" or return;
  return grep { (split " ")[1] eq $master } map { chomp; /^\S+ [0-9.]+ [0-9a-f]+ \d+ \d+ \{/ ? $_ : () } <$file>; }
`;

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

/** Prints a line for each, for `drainsIn`; a host where nobody took anything is asked for nothing. */
function drainsScript(state: string): string {
  const file = quoteAll([`${state}/state/drains`]);
  return `[ ! -s ${file} ] || perl -e '${askInPerl}${drainsInPerl}
for (drains(shift)) { my ($server, $master, $token, $since, $until, $json) = split " ", $_, 6;
  printf "lbctl-drain %s %d %s %s\\n", $server, up() - $since, $until ? $until - up() : "-", $json; }
' -- ${quoteAll([state])}`;
}

/** Reads what was printed so, among other lines. What is no such line is none. Pure. */
export function drainsIn(stdout: string): Drain[] {
  return stdout.split("\n").flatMap((line) => {
    const [, server = "", since, left, json = ""] =
      /^lbctl-drain (\S+) (\d+) (-|-?\d+) (\{.*\})$/.exec(line) ?? [];
    if (server === "") return [];
    const words = wordsIn(json);
    const leftSeconds = left === "-" ? null : Math.max(0, Number(left));
    return words ? [{ server, ...words, sinceSeconds: Number(since), leftSeconds }] : [];
  });
}

/** The file is the host's, and may have been edited: what lbctl did not write is no record. */
function wordsIn(json: string): Pick<Drain, "state" | "by" | "reason"> | null {
  try {
    const { state, by, reason } = JSON.parse(json) as Record<string, unknown>;
    if ((state !== "drain" && state !== "maint") || typeof by !== "string") return null;
    return { state, by, reason: typeof reason === "string" ? reason : null };
  } catch {
    return null;
  }
}
