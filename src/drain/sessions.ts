import { LbctlError } from "../errors.ts";
import { askInPerl, masterSocket } from "../haproxy/socket.ts";
import { parseStat } from "../haproxy/stat.ts";
import type { Load } from "../model/drain.ts";
import { startInPerl } from "../observe/lease.ts";
import type { Remote } from "../remote/port.ts";
import { quoteAll } from "../remote/shell.ts";

/** Counts, over all workers, what these servers (`pool/server`) have. Throws LbctlError `unreachable`. */
export async function readLoad(remote: Remote, servers: readonly string[]): Promise<Load> {
  const { stdout } = await remote.run({ script: loadScript(servers), idleTimeoutMs: 60_000 });
  return parseLoad(remote.host, stdout);
}

/**
 * Workers by `show proc` of the master (Management Guide 9.4); of each the lines of these servers, behind `worker current`
 * or `worker old`. `worker silent PID` is one that lives and does not answer, `worker silent master` stands for all.
 */
export function loadScript(servers: readonly string[]): string {
  return `exec perl -e '${askInPerl}${startInPerl}
my %wanted = map { $_ => 1 } "# pxname/svname", @ARGV;
sub told { my ($which, $answer, $why) = @_;
  return print "worker $which failed $why\\n" if defined $why;
  print "worker $which\\n", quoted(join "", map { "$_\\n" } grep { /^([^,]+),([^,]+)/ && $wanted{"$1/$2"} } split /\\n/, $answer); }
told("current", ask_worker("show stat"));
my ($list, $why) = ask("${masterSocket}", "show proc");
print "worker silent master\\n" unless ($list // "") =~ /^[0-9]+\\s+master\\s/m;
my ($old) = ($list // "") =~ /^# old workers\\n((?:[0-9].*\\n)*)/m;
for my $pid (($old // "") =~ /^([0-9]+)\\s+worker/mg) {
  my ($answer, $gone) = ask("${masterSocket}", "\\@!$pid show stat");
  if (!defined $gone && $answer =~ /^# pxname,/) { told("old", $answer) }
  # one that has just ended has nothing left
  elsif (start_of($pid) ne "") { print "worker silent $pid\\n" }
}
print "end\\n";
' -- ${quoteAll(servers)}`;
}

/** Reads what `loadScript` printed. Throws LbctlError `unreachable` when the current worker did not answer. Pure. */
export function parseLoad(host: string, stdout: string): Load {
  const load = { sessions: 0, oldSessions: 0, silent: [] as string[], total: 0, up: [] as string[] };
  const parts = stdout.split(/^worker /m).slice(1);
  const failed = /^current failed (.*)$/m.exec(parts[0] ?? "")?.[1];
  if (failed !== undefined || !/^end$/m.test(stdout)) {
    throw new LbctlError("unreachable", {
      what: `HAProxy does not say how many sessions are left: ${failed ?? "the answer was cut off"}`,
      at: host,
      hint: "`lbctl status` shows what is there.",
    });
  }
  for (const part of parts) {
    const [which = "", ...lines] = part.split("\n");
    const silent = /^silent (.*)$/.exec(which)?.[1];
    if (silent !== undefined) {
      load.silent.push(silent);
      continue;
    }
    const csv = lines.flatMap((line) => (line.startsWith("|") ? [line.slice(1)] : [])).join("\n");
    for (const { pool, name, up, sessions, totalSessions } of parseStat(csv).servers) {
      if (which === "old") load.oldSessions += sessions;
      else {
        load.sessions += sessions;
        load.total += totalSessions;
        if (up) load.up.push(`${pool}/${name}`);
      }
    }
  }
  return load;
}
