import { LbctlError } from "../errors.ts";
import type { HostLease } from "../model/lease.ts";
import type { Role } from "../model/role.ts";
import type { Remote } from "../remote/port.ts";
import { quoteAll } from "../remote/shell.ts";
import { notRoot } from "./observe.ts";
import { pendingInPerl, undecidedIn } from "./pending.ts";

/** What a host keeps of a lease stands at this path, with `.lease`, `.committing` and `.lock` behind it. */
export function leasePath(service: string): string {
  return `/run/lbctl/${service}`;
}

/** Perl's part that knows a process again: when it was started, in ticks since the boot; empty when it has ended. */
export const startInPerl = String.raw`sub start_of { my ($pid) = @_; open my $stat, "<", "/proc/$pid/stat" or return "";
  my ($state, @fields) = split " ", (<$stat> // "") =~ s/.*\) //sr;
  return $state eq "Z" ? "" : $fields[18] // ""; }
`;

/**
 * Perl's part that reads a lease: `key value` lines that stay when its holder has gone, so that the token only rises.
 * Durations are by the host's uptime. A holder is known by its process id and that process's start.
 */
export const leaseInPerl = String.raw`
use strict;
sub read_lease { my ($path) = @_; my %lease;
  open my $file, "<", "$path.lease" or return {};
  while (<$file>) { my ($key, $value) = /^([a-z]+) (.*)$/ or next; $lease{$key} = $value }
  return \%lease; }
sub clock { my ($s, $min, $h, $d, $m, $y) = gmtime;
  return sprintf "%04d-%02d-%02dT%02d:%02d:%02dZ", $y + 1900, $m + 1, $d, $h, $min, $s; }
sub up { open my $file, "<", "/proc/uptime" or die "there is no /proc/uptime\n"; return (split " ", <$file>)[0] }
${startInPerl}sub lives { my ($pid, $start) = split " ", $_[0]{holder} // ""; return defined $start && start_of($pid) eq $start }
sub is_stale { my ($lease) = @_; return up() - $lease->{beat} > $lease->{ttl} }
# the lock of a commit is taken, whoever began it
sub is_locked { my ($path) = @_; sysopen my $lock, "$path.lock", 66, 0600 or return 0; return !flock $lock, 6 }
# the token of the newest commit that was begun, unless it has ended as it should
sub commit_of { my ($path) = @_; open my $file, "<", "$path.committing" or return ""; chomp(my $token = <$file> // ""); return $token }
sub is_committing { my ($path, $lease) = @_;
  return ($lease->{token} // "") ne "" && commit_of($path) eq $lease->{token} && is_locked($path); }
`;

/** The lease of a host, read in one round trip. Throws LbctlError `rejected` for a login without root. */
export async function readLease(remote: Remote, role: Role, signal?: AbortSignal): Promise<HostLease> {
  const { host } = remote;
  const script = leaseScript(leasePath(role.service), role.state, role.service);
  const result = await remote.run({ script, idleTimeoutMs: 30_000, ...(signal ? { signal } : {}) });
  const uid = /^uid (\d+)$/m.exec(result.stdout)?.[1];
  if (result.status !== 0 || uid === undefined) {
    throw new LbctlError("bug", {
      what: `the lease could not be read: ${result.stderr.trim().split("\n").at(-1) ?? ""}`,
      at: host,
    });
  }
  if (uid !== "0") throw new LbctlError("rejected", notRoot(host, Number(uid)));
  return parseLease(host, result.stdout);
}

/** Prints `lease STATE HELD SILENT COMMITTING ID SINCE REASON OWNER`, times in ms, or nothing, and what is undecided. */
export function leaseScript(path: string, state: string, service: string): string {
  return `perl -e '${leaseInPerl}${pendingInPerl}
  my ($path, $state, $service) = @ARGV;
  print "uid $>\\n", map { "$_\\n" } undecided($state, $service);
  my $lease = read_lease($path);
  exit unless lives($lease);
  printf "lease %s %d %d %s %s %s %s %s\\n", is_stale($lease) ? "stale" : "held", 1000 * (up() - $lease->{up}),
    1000 * (up() - $lease->{beat}), is_committing($path, $lease) ? "yes" : "no", @$lease{qw(id since reason owner)};
' -- ${quoteAll([path, state, service])}`;
}

/** Pure. */
function parseLease(host: string, text: string): HostLease {
  const found = /^lease (held|stale) (\d+) (\d+) (yes|no) (\S+) (\S+) (\S+) (.*)$/m.exec(text);
  const undecided = undecidedIn(text.split("\n"));
  if (!found) return { host, state: "none", lease: null, undecided };
  const [, state, held, silent, committing, id = "", since = "", reason = "", owner = ""] = found;
  return {
    host,
    state: state === "stale" ? "stale" : "held",
    lease: {
      id,
      owner,
      reason,
      since,
      heldMs: Number(held),
      silentMs: Number(silent),
      committing: committing === "yes",
    },
    undecided,
  };
}
