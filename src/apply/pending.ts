import { pendingInPerl } from "../observe/pending.ts";
import { quoteAll } from "../remote/shell.ts";
import { recordInPerl } from "./record.ts";

/** A change of one host, from its swap until it is decided whether it stays. */
export interface Commit {
  /** Hex, new for each. */
  readonly token: string;
  /** The host reverts a change that nobody confirms for this long after it serves. */
  readonly confirmSeconds: number;
  readonly by: string;
  readonly at: string;
}

/**
 * Writes the record of a change that is about to be made: from here on it is reverted unless somebody confirms it. The
 * sync brings it and the whole set to the disk before the swap can be there; until then a torn record means nothing.
 */
export const writePending = `printf %s "$token" >"/run/lbctl/$service.commit"
out=$(printf '%s\\n' "token $token" "next $next" "outcome $outcome" "confirm $confirm" "until $until" "by $by" "at $at" \\
  "previous $previous" "phase committing" 2>&1 >"$state/pending") || {
  rm -f "$state/pending"
  discard rejected "the change could not be noted down: $out$(disk_full)"
}
sync -f "$state" 2>/dev/null`;

/** Who comes while a change is undecided is told so; the program there reverts one that is overdue. */
export const refuseUndecided = `[ ! -e "$state/pending" ] && [ ! -e "$state/reverting" ] || {
  out=$(/var/lib/lbctl/bin/resolve overdue 2>/dev/null)
  fail busy "\${out:-an earlier change is not decided yet}"
}`;

/**
 * A shell function \`await_confirmation\`: says that the set serves, and waits for the decision or until it is too late;
 * then it decides. It fails with 3 when nobody confirmed, and with 4 when somebody else has undone the change.
 */
export const awaitFunction = `await_confirmation() { perl -e '${recordInPerl}${pendingInPerl}
  use strict; $| = 1;
  my ($state, $next, $outcome, $confirm) = @ARGV;
  my ($pending, $parent) = ("$state/pending", getppid);
  my $until = uptime() + $confirm;
  # never made anew, or it would come back after a decision
  open my $file, "+<", $pending or exit 4;
  seek $file, 0, 2; print $file sprintf("until %d\\nphase serving\\n", $until + 1); close $file;
  print "event serving $confirm\\n";
  while (-e $pending) {
    # nobody is left who could go back: that is for the watchdog
    exit 6 if getppid != $parent;
    exit 3 if uptime() >= $until && rename $pending, "$state/reverting";
    select undef, undef, undef, 0.01;
  }
  my %is = pending_in("$state/confirmed");
  exit 4 if ($is{token} // "") ne $ENV{token};
  record($state, $next, $outcome, "", head_in("$state/generations/$next")) or exit 5;
' -- "$state" "$next" "$outcome" "$confirm" 9>&-; }`;

/** The step that ends a commit: confirmed, or taken back. */
export const confirmOrGoBack = `await_confirmation
case $? in
  0) ;;
  3) go_back rolled-back "not confirmed within $confirm s" ;;
  4) go_back rolled-back "HAProxy stopped or was restarted before the change was confirmed" ;;
  5) note "the history could not be written" ;;
  *) go_back rolled-back "the wait for the confirmation was cut off" ;;
esac`;

/**
 * Confirms the change with this token, once it serves, within `seconds`. It prints `decision WORD`: confirmed, reverted
 * or unknown, and with the last one but one the entry of the history that says why. Whoever finds the transaction gone
 * writes the history in its place.
 */
export function confirmScript(state: string, service: string, token: string, seconds: number): string {
  return `perl -e '${recordInPerl}${pendingInPerl}
  use strict;
  my ($state, $service, $token, $seconds) = @ARGV;
  my ($until, $unknown) = (uptime() + $seconds, uptime() + 5);
  while (uptime() < $until) {
    my %is = pending_in("$state/pending");
    if (($is{token} // "") eq $token) {
      next unless $is{phase} eq "serving" && rename "$state/pending", "$state/confirmed";
      open my $lock, ">>", "/run/lbctl/$service.lock";
      record($state, $is{next}, $is{outcome}, "", head_in("$state/generations/$is{next}")) if flock $lock, 6;
    }
    for my $decision (qw(confirmed reverted)) {
      my %was = pending_in("$state/$decision");
      next if ($was{token} // "") ne $token;
      print "decision $decision\\n";
      print "entry ", (entries($state))[-1] // "", "\\n" if $decision eq "reverted";
      exit;
    }
    my %undoing = pending_in("$state/reverting");
    last if ($is{token} // $undoing{token} // "") ne $token && uptime() > $unknown;
  } continue { select undef, undef, undef, 0.01 }
  print "decision unknown\\n";
' -- ${quoteAll([state, service, token, String(Math.ceil(seconds))])}`;
}
