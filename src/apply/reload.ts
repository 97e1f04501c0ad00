import { askInPerl, masterSocket } from "../haproxy/socket.ts";
import { serverStateInPerl } from "./server-state.ts";

/** Seconds that a new worker has until it must say that it loaded the configuration. */
const serveWithinSeconds = 15;

/**
 * A shell function `activate IDENTITY` that reloads HAProxy through the master's socket (Management Guide 4), or starts
 * it, and waits until a new worker says that it loaded IDENTITY; `-` takes any new worker. What the old worker knows of
 * its servers goes with it. It prints why it failed. All in one process that looks every 10 ms: a new worker serves
 * after some 30 ms, and starting a process for each question would take longer than the answers.
 */
export const activateFunction = `activate() {
  perl -e '${askInPerl}${serverStateInPerl}
    $| = 1;
    my ($want, $live, $service, $state, $previous) = @ARGV;
    my ($master, $state_file) = ("${masterSocket}", "$state/state/servers");
    my $since;
    my @again = save_state();
    my $problem = load_new();
    if (!$problem) { ask_worker($_) for @again }
    # "1" is a state file without servers; a missing or empty one makes HAProxy warn
    write_state("1");
    exit $problem;

    # of a server that is gone HAProxy says so, and nothing is lost
    sub save_state {
      my ($loaded, $known) = (loaded(), (ask_worker("show servers state"))[0] // "");
      # what the worker loaded: mostly the newest set, but not where an apply was cut off; or none that is still there
      my ($set) = grep { -r "$_/haproxy.cfg" && described("$_/haproxy.cfg") eq $loaded } sets();
      my $old = defined $set ? servers_of("$set/haproxy.cfg") : {};
      my ($lines, @commands) = state_for($known, $old, servers_of("$live/haproxy.cfg"));
      write_state(@$lines) if @$lines;
      return @commands; }
    sub sets { my @all = map { m{/(0|[1-9][0-9]{0,8})$} ? $1 : () } glob "$state/generations/*";
      return ("$state/$previous", "$state/rejected", map { "$state/generations/$_" } sort { $b <=> $a } @all); }
    sub write_state {
      open my $file, ">", "$state_file.new" or return;
      print $file map { "$_\\n" } @_;
      close $file and chmod 0644, "$state_file.new" and rename "$state_file.new", $state_file; }
    sub loaded { return ((ask_worker("show info"))[0] // "") =~ /^[Dd]escription: (.*)$/m ? $1 : "" }
    sub workers { my ($answer) = ask($master, "show proc"); return $answer // "" }
    sub newest { return $_[0] =~ /^([0-9]+) +worker /m ? $1 : "" }
    sub reloads { return $_[0] =~ /^[0-9]+ +master +([0-9]+)/m ? $1 : "" }
    sub uptime { open my $file, "<", "/proc/uptime" or die; return (split " ", <$file>)[0] }

    sub load_new {
      $since = time - 1;
      my $before = workers();
      my ($old, $tries) = (newest($before), reloads($before));
      if ($old ne "") {
        my ($answer) = ask($master, "reload");
        if (($answer // "") =~ /^Success=0/) { print $answer; return 1 }
      } elsif (!system "systemctl", "is-active", "-q", $service) {
        return 1 if system "systemctl", "reload", $service;
      } else {
        system "systemctl reset-failed \\"$service\\" 2>/dev/null";
        if (system "systemctl", "start", $service) { alerts(); return 1 }
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
        if ($turn % 100 == 0 && system "systemctl", "is-active", "-q", $service) {
          print "HAProxy stopped:\\n"; alerts(); return 1;
        }
        select undef, undef, undef, 0.01;
      }
      print "the new worker did not answer within ${String(serveWithinSeconds)} s\\n";
      return 1; }
    # of this start or reload; what HAProxy logs of requests goes by syslog, and may be thousands of lines
    sub alerts { my @alerts;
      open my $log, "-|", "journalctl -u \\"$service\\" _TRANSPORT=stdout --since \\@$since -n 200 -o cat --no-pager 2>/dev/null" or return;
      while (<$log>) { @alerts = () if /Reloading HAProxy|^Starting /; push @alerts, $_ if /ALERT/ }
      push @alerts, "(its journal does not say why: journald drops lines of a service that logs many)\\n" unless @alerts;
      print grep { defined } @alerts[0 .. 4]; }
  ' -- "$1" "$live" "$service" "$state" "$previous"
}`;
