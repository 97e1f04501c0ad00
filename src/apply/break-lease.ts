import { LbctlError } from "../errors.ts";
import { leaseInPerl, leasePath } from "../observe/lease.ts";
import type { Role } from "../model/role.ts";
import type { Remote } from "../remote/port.ts";
import { quoteAll } from "../remote/shell.ts";

/** `committing`: the change has begun, so it goes to its end. `gone`: the host has no such lease any more. */
export type Breaking = "broken" | "committing" | "gone";

/**
 * Ends the holder of a lease, which then ends its transaction, and takes the next token, so that what is left of it is
 * refused at the swap. Throws LbctlError `unreachable`, and `bug` when the holder cannot be ended.
 */
export async function breakLease(
  remote: Remote,
  role: Role,
  { id, by }: { readonly id: string; readonly by: string },
  signal: AbortSignal,
): Promise<Breaking> {
  const script = breakScript(leasePath(role.service), id, by);
  const result = await remote.run({ script, signal, idleTimeoutMs: 30_000 });
  const found = /^(broken|committing|gone)$/m.exec(result.stdout)?.[1];
  if (found === "broken" || found === "committing" || found === "gone") return found;
  throw new LbctlError("bug", {
    what: `the lease could not be broken: ${result.stderr.trim().split("\n").at(-1) ?? ""}`,
    at: remote.host,
    hint: "`lbctl lock status` shows what is there.",
  });
}

/** Prints what came of it, in one word. */
export function breakScript(path: string, id: string, by: string): string {
  return `perl -e '${leaseInPerl}${breakInPerl}' -- ${quoteAll([path, id, by.replaceAll(/[^!-~]/g, "?")])}`;
}

const breakInPerl = String.raw`
my ($path, $id, $by) = @ARGV;
my $lease = read_lease($path);
done("gone") unless lives($lease) && $lease->{id} eq $id;
done("committing") if is_committing($path, $lease);
open my $words, ">", "$path.broken" or die "$path.broken: $!\n";
print $words "$by\n"; close $words;
my ($holder) = split " ", $lease->{holder};
kill "TERM", $holder;
my $file = freed();
if (!$file) { kill "KILL", $holder if lives($lease); $file = freed() or die "its process $holder does not end\n" }
# where somebody has taken it meanwhile, that was the next token
if (ref $file) {
  my %next = (%$lease, token => $lease->{token} + 1, owner => $by, since => clock());
  truncate $file, 0;
  syswrite $file, join "", map { "$_ $next{$_}\n" } sort keys %next;
}
done(is_committing($path, $lease) ? "committing" : "broken");
# the locked file of the lease, once its holder has ended; a word when it is another one
sub freed {
  for (1 .. 100) {
    sysopen my $file, "$path.lease", 66, 0600 or die "$path.lease: $!\n";
    my $locked = flock $file, 6;
    return "taken" if read_lease($path)->{token} ne $lease->{token};
    return $file if $locked;
    select undef, undef, undef, 0.02;
  }
  return; }
sub done { print "$_[0]\n"; exit }
`;
