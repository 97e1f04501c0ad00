import { LbctlError } from "../errors.ts";
import { askInPerl } from "../haproxy/socket.ts";
import type { AdminState } from "../model/drain.ts";
import type { Role } from "../model/role.ts";
import type { Remote } from "../remote/port.ts";
import { quote, quoteAll } from "../remote/shell.ts";
import { drainsInPerl } from "./records.ts";
import type { Remaining } from "./targets.ts";

/** Servers of one load balancer, and what is to become of them. */
export interface StateChange {
  readonly state: AdminState;
  /** `pool/server`, as HAProxy names them. */
  readonly servers: readonly string[];
  /** Of each of these lists one must be up still, or nothing is touched. */
  readonly remaining: readonly Remaining[];
  readonly by: string;
  readonly reason: string | null;
  /** Hex; the same for all that one command does. */
  readonly token: string;
  /** Seconds after which the host makes them ready by itself. */
  readonly forSeconds: number | null;
  /** Seconds to wait for whoever is changing the host. */
  readonly lockWait: number;
}

/**
 * Tells HAProxy, reads back what it made of it, and notes down who and why. Returns the servers that are as wanted; the
 * others with HAProxy's reason. Throws LbctlError `busy` or `rejected` where nothing was touched, `unreachable`.
 */
export async function setState(
  remote: Remote,
  role: Role,
  change: StateChange,
  signal?: AbortSignal,
): Promise<{ readonly done: readonly string[]; readonly refused: ReadonlyMap<string, string> }> {
  const { host } = remote;
  const script = stateScript(role, change);
  const idleTimeoutMs = change.lockWait * 1000 + 60_000;
  const result = await remote.run({ script, idleTimeoutMs, ...(signal ? { signal } : {}) });
  const done: string[] = [];
  const refused = new Map<string, string>();
  let ended = false;
  for (const line of result.stdout.split("\n")) {
    const [word, server = "", ...rest] = line.split(" ");
    if (word === "lbctl-set") done.push(server);
    else if (word === "lbctl-refused") refused.set(server, rest.join(" "));
    else if (word === "lbctl-fail") throw failure(host, server, rest.join(" "));
    else if (word === "lbctl-end") ended = true;
  }
  if (ended) return { done, refused };
  throw new LbctlError("bug", {
    what: `the servers' state could not be set: ${result.stderr.trim().split("\n").at(-1) ?? ""}`,
    at: host,
    hint: "`lbctl status` shows what is there.",
  });
}

function failure(at: string, kind: string, words: string): LbctlError {
  const nothing = "Nothing was touched there.";
  switch (kind) {
    case "busy":
      return new LbctlError("busy", {
        what: "another lbctl is changing this host",
        at,
        hint: `Wait with --lock-wait SECONDS. ${nothing}`,
      });
    case "moved":
      return new LbctlError("busy", {
        what: `of ${words} none is up any more, so that a pool would be emptied`,
        at,
        hint: `\`lbctl status\` shows what is there. ${nothing}`,
      });
    case "silent":
      return new LbctlError("unreachable", {
        what: `HAProxy does not answer: ${words}`,
        at,
        hint: `Look at "systemctl status haproxy" there. ${nothing}`,
      });
    default:
      return new LbctlError("rejected", { what: words, at, hint: nothing });
  }
}

/** The whole script: nothing in it is a secret, and each word is quoted. */
export function stateScript(
  { service, state }: Pick<Role, "service" | "state">,
  change: StateChange,
): string {
  const { by, reason } = change;
  const strange = [...change.servers, ...change.remaining.flat()].find(
    (name) => !/^[\w.:-]+\/[\w.:-]+$/.test(name),
  );
  if (strange !== undefined)
    throw new LbctlError("bug", { what: `not a server's name: ${JSON.stringify(strange)}` });
  const record = change.state === "ready" ? "" : JSON.stringify({ state: change.state, by, reason });
  const words = [
    ...[state, service, String(change.lockWait), change.state, change.token],
    ...[
      String(change.forSeconds ?? 0),
      record,
      `${change.state} by ${by}${reason === null ? "" : `: ${reason}`}`,
    ],
    ...change.servers,
    ...change.remaining.flatMap((servers) => ["+", ...servers]),
  ];
  return `mkdir -p /run/lbctl
code=${quote(setInPerl)}
returning=${quote(returnInPerl)}
export returning
exec perl -e "$code" -- ${quoteAll(words)}`;
}

const stateInPerl = String.raw`${askInPerl}${drainsInPerl}
my $lock;
sub take_lock { my ($service, $wait) = @_;
  open $lock, ">>", "/run/lbctl/$service.lock" or die "/run/lbctl/$service.lock: $!\n";
  my $until = up() + $wait;
  until (flock $lock, 6) { return 0 if up() >= $until; select undef, undef, undef, 0.1 }
  return 1; }
# bits of srv_admin_state (Management Guide 9.3, show servers state): 1 maintenance, 8 drain, each by command
my %wanted = (ready => [9, 0], drain => [9, 8], maint => [1, 1]);
# what HAProxy says against it; nothing once it has read back as wanted
sub set_state { my ($server, $to) = @_;
  my ($said, $why) = ask_worker("set server $server state $to");
  return $why if defined $why;
  return ($said =~ /^([ -~]+)/m)[0] if $said =~ /\S/;
  my ($pool, $name) = split "/", $server;
  my ($known, $silent) = ask_worker("show servers state $pool");
  return $silent if defined $silent;
  my ($admin) = map { (split)[6] } grep { my @f = split; @f > 6 && $f[3] eq $name } split /\n/, $known;
  my ($mask, $value) = @{$wanted{$to}};
  return "it is not there any more" unless defined $admin;
  return ($admin & $mask) == $value ? undef : "it was told, but its state reads back as $admin"; }
# the lines of all others, and of these with a new one; a token that no line has left has no use for its timer
sub note_down { my ($state, $servers, @line) = @_;
  my %these = map { $_ => 1 } @$servers;
  my @before = drains($state);
  my @lines = grep { !$these{(split " ")[0]} } @before;
  push @lines, map { join " ", $_, @line } @$servers if @line;
  mkdir "$state/state";
  open my $out, ">", "$state/state/drains.new" or return "$!";
  print $out map { "$_\n" } @lines;
  close $out and chmod 0644, "$state/state/drains.new" and rename "$state/state/drains.new", "$state/state/drains" or return "$!";
  my %left = map { (split " ")[2] => 1 } @lines;
  my %gone = map { (split " ")[2, 4] } @before;
  for (grep { $gone{$_} && !$left{$_} } keys %gone) {
    system "systemctl stop -q lbctl-ready-$_.timer 2>/dev/null";
    unlink "/run/lbctl/ready-$_"; }
  return; }
`;

/** Makes ready what this token still stands for, when its time has come; HAProxy may be away for a while. */
const returnInPerl = String.raw`#!/usr/bin/perl
${stateInPerl}
my ($state, $service, $token) = @ARGV;
for (1 .. 60) {
  if (take_lock($service, 600)) {
    my @mine = map { (split " ")[0] } grep { (split " ")[2] eq $token } drains($state) or last;
    my @done = grep { !defined set_state($_, "ready") } @mine;
    note_down($state, \@done);
    system "logger", "-t", "lbctl", "--", "ready, as its time was over: @done" if @done;
    last if @done == @mine;
    close $lock;
  }
  sleep 5;
}
unlink $0;
`;

const setInPerl = String.raw`${stateInPerl}
my ($state, $service, $wait, $to, $token, $for, $record, $words, @rest) = @ARGV;
sub fail { print "lbctl-fail @_\n"; exit }
my (@servers, @remaining); my $list = \@servers;
for (@rest) { if ($_ eq "+") { push @remaining, $list = [] } else { push @$list, $_ } }
take_lock($service, $wait) or fail("busy");
my ($stat, $why) = ask_worker("show stat");
fail("silent", $why) if defined $why;
my %up = map { my @f = split /,/; @f > 18 && $f[17] =~ /^UP|^no check/ && $f[18] ? ("$f[0]/$f[1]" => 1) : () } split /\n/, $stat;
for my $names (@remaining) { fail("moved", join ", ", @$names) unless grep { $up{$_} } @$names }
my $master = master();
fail("silent", "the master's socket") if $master eq "";
# before anything is taken away, so that it comes back whatever becomes of lbctl
if ($for) {
  my $program = "/run/lbctl/ready-$token";
  open my $out, ">", $program or fail("rejected", "$program: $!");
  print $out $ENV{returning};
  close $out and chmod 0700, $program or fail("rejected", "$program: $!");
  my $said = qx(systemctl stop -q lbctl-ready-$token.timer 2>/dev/null
    systemd-run -q --collect --unit=lbctl-ready-$token --on-active=$for --timer-property=AccuracySec=100ms $program $state $service $token 2>&1);
  fail("rejected", "the timer that makes it ready could not be armed: " . ($said =~ s/\s+/ /gr)) if $?;
}
my @done;
for my $server (@servers) {
  my $against = set_state($server, $to);
  if (defined $against) { print "lbctl-refused $server $against\n"; next }
  push @done, $server;
}
my @line = $to eq "ready" ? () : ($master, $token, up(), $for ? up() + $for : 0, $record);
my $unnoted = note_down($state, \@done, @line);
print "lbctl-set $_\n" for @done;
system "logger", "-t", "lbctl", "--", "@done $words" if @done;
print STDERR "who did it could not be noted down: $unnoted\n" if defined $unnoted;
print "lbctl-end\n";
`;
