import { base64InPerl } from "../remote/base64.ts";
import { gateInPerl, handOverTries } from "./gate.ts";
import { probeInPerl } from "./probe.ts";

/**
 * A shell function `verify IDENTITY`, after `askFunctions`, that prints why the worker does not serve what it should.
 * `$gate` is what `activate` printed; after a reload each bind has to answer, and the servers' checks to hold. What it
 * waits for goes to descriptor 4 as events, or as words where `$people` is set.
 */
export const verifyFunction = `verify() { perl -e "$ask_in_perl"'${base64InPerl}${gateInPerl}${probeInPerl}
  my ($want, $state, $next, $people) = @ARGV;
  my @problems;
  # in one answer, and again: just after a reload the old worker may still take a connection
  for (1 .. ${String(handOverTries)}) {
    my ($answer) = ask_worker("show info;show stat -1 1 -1");
    my ($loaded) = ($answer // "") =~ /^[Dd]escription: (.*)$/m;
    @problems = ($loaded // "") eq $want ? () : "HAProxy does not run the new configuration";
    for (split /\\n/, $answer // "") {
      my @fields = split /,/;
      push @problems, "frontend $fields[0] is $fields[17]" if ($fields[1] // "") eq "FRONTEND" && $fields[17] ne "OPEN";
    }
    last if ($loaded // "") eq $want;
    select undef, undef, undef, 0.02;
  }
  chomp(my @plan = <STDIN>);
  if (!@problems && grep { $_ eq "reloaded" } @plan) {
    my @facts = facts("$state/generations/$next/.expectations");
    @problems = probe(@facts);
    @problems = grep { $_ ne "" } health_gate($want, @plan) unless @problems || $ENV{ungated};
  }
  print map { "$_\\n" } @problems;
  exit;

  # what is here by hand, or of an older lbctl, has none
  sub facts { open my $facts, "<", $_[0] or return; chomp(my @facts = <$facts>); return @facts }
  sub told { my ($kind, $text) = @_;
    open my $out, ">&", 4 or return;
    syswrite $out, $people ? "$text\\n" : "event $kind " . base64($text) . "\\n"; }
' -- "$1" "$state" "$next" "\${people-}" <<PLAN
\${gate-}
PLAN
}`;
