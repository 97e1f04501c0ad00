import { withoutAnySecret } from "../document/secrets.ts";
import { LbctlError } from "../errors.ts";
import { checkCommand, checkSocket } from "../haproxy/runtime.ts";
import { askInPerl } from "../haproxy/socket.ts";
import { parseStat, type Stats } from "../haproxy/stat.ts";
import type { Remote } from "../remote/port.ts";

/** What the watch saw: a pool's statistics, or why HAProxy did not answer. */
export type WatchFrame = { readonly stats: Stats } | { readonly why: string };

const watchInPerl = `${askInPerl}
use POSIX (); $| = 1;
my ($path, $command, $seconds) = @ARGV; my $hz = POSIX::sysconf(POSIX::_SC_CLK_TCK());
sub now { (POSIX::times())[0] / $hz }
my $end = now() + $seconds; my $seen = "-"; my $told = 0;
while (now() < $end) {
  my ($answer, $why) = ask_worker($command, $path);
  my $key = defined $why ? $why : states($answer);
  if ($key ne $seen || now() - $told >= 1) {
    print defined $why ? "lbctl-watch error $why\\n" : "lbctl-watch ok\\n" . quoted($answer) . "lbctl-watch end\\n";
    $seen = $key; $told = now(); }
  select undef, undef, undef, 0.05; }
sub states { my ($header, @rows) = split /\\n/, $_[0]; return "" unless defined $header;
  my @names = split /,/, $header; my %at; @at{@names} = 0..$#names;
  my @columns = grep { defined } @at{"svname", "status", "check_status"};
  join ";", map { my @cells = split /,/; my $s = join ",", map { defined $_ ? $_ : "" } @cells[@columns]; $s =~ s/\\* //g; $s } @rows; }
`;

/**
 * A script that asks for a pool's statistics every 50 ms and prints them when a status changes, and once a
 * second besides: a link that died shows as silence here, and as SIGPIPE there. It ends by itself.
 */
export function watchScript(pool: string, socket: string, seconds: number): string {
  // Types 2 + 4 are backends and servers (Management Guide 9.3, "show stat").
  const command = checkCommand(`show stat ${pool} 6 -1`);
  return `exec perl -e '${watchInPerl}' -- '${checkSocket(socket)}' '${command}' ${Math.ceil(seconds)}\n`;
}

/** Puts the lines of `watchScript` together; a frame is told when its last line arrives. */
export function watchReader(onFrame: (frame: WatchFrame) => void): (line: string) => void {
  let rows: string[] | null = null;
  return (line) => {
    if (line === "lbctl-watch ok") rows = [];
    else if (rows && line.startsWith("|")) rows.push(line.slice(1));
    else if (rows && line === "lbctl-watch end") {
      onFrame(frameOf(rows.join("\n").trim()));
      rows = null;
    } else if (line.startsWith("lbctl-watch error "))
      onFrame({ why: line.slice("lbctl-watch error ".length) });
  };
}

function frameOf(text: string): WatchFrame {
  try {
    return { stats: parseStat(text) };
  } catch (error) {
    if (error instanceof LbctlError) return { why: text.split("\n")[0] ?? "an empty answer" };
    throw error;
  }
}

export interface Watch {
  stop(): Promise<void>;
}

export interface WatchOptions {
  readonly remote: Remote;
  readonly pool: string;
  readonly socket: string;
  /** The script ends by itself after this long, even if nobody stops it. */
  readonly seconds: number;
  readonly onFrame: (frame: WatchFrame) => void;
  /** The connection was lost, and two more attempts did not bring it back. */
  readonly onLost: (why: string) => void;
}

/** Watches a pool on one load balancer until stopped. Never throws. */
export function startWatch(options: WatchOptions): Watch {
  const { remote, pool, socket, seconds, onFrame, onLost } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const stopped = (): boolean => signal.aborted;
  const script = watchScript(pool, socket, seconds);
  const run = async (): Promise<void> => {
    let why = "";
    for (let attempt = 0; attempt < 3 && !stopped(); attempt++) {
      try {
        const result = await remote.run({
          script,
          signal,
          idleTimeoutMs: 5000,
          onLine: watchReader(onFrame),
        });
        why = `the watch ended with status ${result.status}: ${withoutAnySecret(result.stderr.trim()).slice(0, 200)}`;
      } catch (error) {
        why = error instanceof Error ? error.message : String(error);
      }
      if (!stopped()) await new Promise((resolve) => setTimeout(resolve, 500));
    }
    if (!stopped()) onLost(why);
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
