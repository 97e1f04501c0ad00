import { askInPerl, masterSocket } from "../haproxy/socket.ts";
import { gatePlanInPerl } from "./gate-plan.ts";
import { handOverTries } from "./gate.ts";
import { carryOverInPerl, serverStateInPerl } from "./server-state.ts";

/** Seconds that a new worker has until it must say that it loaded the configuration. */
const serveWithinSeconds = 15;

/**
 * A shell function `activate IDENTITY` that reloads HAProxy through the master's socket (Management Guide 4), or starts
 * it, and waits until a new worker says that it loaded IDENTITY; `-` takes any new worker. What the old worker knows of
 * its servers goes with it. It prints why it failed, or `reloaded` and the plan of the health gate. All in one process
 * that looks every 10 ms: a new worker serves after some 30 ms, and starting a process for each question would take
 * longer than the answers.
 */
export const activateFunction = `activate() {
  perl -e '${askInPerl}${serverStateInPerl}${carryOverInPerl}${gatePlanInPerl}
    $| = 1;
    my ($want, $live, $service, $state, $previous) = @ARGV;
    my $master = "${masterSocket}";
    my $since;
    # from the swap until it is decided; whoever undoes it while this waits has the last word
    my $undecided = -e "$state/pending";
    my @sides = both_sides($live, $state, $previous);
    my @plan = gate_plan(@sides, "$live/haproxy.cfg");
    my @again = save_state($state, @sides);
    my $problem = load_new();
    if (!$problem) { say_again($_) for @again; print map { "$_\\n" } "reloaded", @plan }
    write_state($state, "1");
    exit $problem;

    # just after a reload the old worker may still take a connection, and with it what is meant for the new one
    sub say_again { my ($command) = @_;
      for (1 .. ${String(handOverTries)}) {
        my ($answer) = ask_worker("show info;$command");
        return if $want eq "-" || ($answer // "") =~ /^[Dd]escription: \\Q$want\\E$/m;
        select undef, undef, undef, 0.02;
      } }
    sub workers { my ($answer) = ask($master, "show proc"); return $answer // "" }
    sub newest { return $_[0] =~ /^([0-9]+) +worker /m ? $1 : "" }
    sub reloads { return $_[0] =~ /^[0-9]+ +master +([0-9]+)/m ? $1 : "" }
    sub uptime { open my $file, "<", "/proc/uptime" or die; return (split " ", <$file>)[0] }

    sub load_new {
      $since = time - 1;
      my $before = workers();
      my ($old, $tries) = (newest($before), reloads($before));
      note_worker($old) unless $ENV{going_back};
      if ($old ne "") {
        my ($answer) = ask($master, "reload");
        if (($answer // "") =~ /^Success=0/) { print $answer; return 1 }
      } elsif (!system "systemctl", "is-active", "-q", $service) {
        return 1 if system "systemctl", "reload", $service;
      } else {
        system "systemctl reset-failed \\"$service\\" 2>/dev/null";
        # what this commit starts by itself is not undone before it starts
        own_start(1);
        my $failed = system "systemctl", "start", $service;
        own_start(0);
        if ($failed) { alerts(); return 1 }
      }
      my $until = uptime() + ${String(serveWithinSeconds)};
      for (my $turn = 1; uptime() < $until; $turn++) {
        my $proc = workers();
        my $new = newest($proc);
        # without a socket of the master only the identity can tell a new worker from the old one
        if (!-S $master || ($new ne "" && $new ne $old)) {
          return 0 if $want eq "-" || loaded() eq $want;
        } elsif (reloads($proc) ne $tries && $proc =~ /\\[failed: [1-9]/) {
          # not the failure of an earlier reload, which a master tells until the next one is through
          print "the new worker did not start:\\n"; alerts(); return 1 }
        if ($undecided && !-e "$state/pending") { print "HAProxy stopped, or was restarted:\\n"; alerts(); return 1 }
        if ($turn % 100 == 0 && system "systemctl", "is-active", "-q", $service) {
          print "HAProxy stopped:\\n"; alerts(); return 1;
        }
        select undef, undef, undef, 0.01;
      }
      print "the new worker did not answer within ${String(serveWithinSeconds)} s\\n";
      return 1; }
    # who serves before a change, for when it is to be taken back
    sub note_worker { my ($pid) = @_;
      if ($pid eq "") { ($pid) = ((ask_worker("show info"))[0] // "") =~ /^Pid: ([0-9]+)$/m }
      open my $file, ">", "/run/lbctl/$service.worker" or return;
      print $file $ENV{token} // "-", " ", $pid // "", "\\n"; close $file }
    sub own_start { my $mark = "/run/lbctl/$service.starting";
      if (!$_[0]) { unlink $mark } elsif ($undecided && open my $file, ">", $mark) { print $file "$ENV{token}"; close $file } }
    # of this start or reload; what HAProxy logs of requests goes by syslog, and may be thousands of lines
    sub alerts { my @alerts;
      open my $log, "-|", "journalctl -u \\"$service\\" _TRANSPORT=stdout --since \\@$since -n 200 -o cat --no-pager 2>/dev/null" or return;
      while (<$log>) { @alerts = () if /Reloading HAProxy|^Starting /; push @alerts, $_ if /ALERT/ }
      push @alerts, "(its journal does not say why: journald drops lines of a service that logs many)\\n" unless @alerts;
      print grep { defined } @alerts[0 .. 4]; }
  ' -- "$1" "$live" "$service" "$state" "$previous"
}`;
