import type { Undecided } from "../model/undecided.ts";

/**
 * Perl's part that reads the record of a change which is not decided yet: `pending` in the state folder, lines of a key
 * and a value, the last of a key counts. One rename decides: to `confirmed`, or to `reverting`, which becomes `reverted`.
 * The token of the commit in /run falls with a reboot, and with it the meaning of its uptimes.
 */
export const pendingInPerl = `
sub pending_in { open my $file, "<", $_[0] or return; return map { /^([a-z]+) (.*)$/ ? ($1, $2) : () } <$file> }
sub uptime { open my $file, "<", "/proc/uptime" or die; return (split " ", <$file>)[0] }
sub this_boot { my ($service, $token) = @_;
  open my $file, "<", "/run/lbctl/$service.commit" or return 0; return (<$file> // "") eq $token }
sub undecided { my ($state, $service) = @_;
  for my $name (qw(pending reverting)) {
    my %is = pending_in("$state/$name") or next;
    my $left = this_boot($service, $is{token} // "") ? int(($is{until} // 0) - uptime() + 1) : 0;
    return join " ", "undecided", $is{next} // 0, $name, $left < 0 ? 0 : $left, $is{at} // "?", $is{by} // "?";
  }
  return (); }
`;

/** Reads what \`undecided\` told, among other lines; null when there is nothing. Pure. */
export function undecidedIn(lines: readonly string[]): Undecided | null {
  const line = lines.find((each) => each.startsWith("undecided "));
  if (line === undefined) return null;
  const [, generation, name, left, at = "?", ...by] = line.split(" ");
  return {
    generation: Number(generation),
    by: by.join(" "),
    at,
    reverting: name === "reverting",
    leftSeconds: Number(left),
  };
}
