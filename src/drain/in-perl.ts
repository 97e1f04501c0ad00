import { masterSocket } from "../haproxy/socket.ts";

/**
 * Perl's part that knows who took which server from its load; it follows `askInPerl` and `startInPerl`.
 * `state/drains` has a line for each: `POOL/SERVER MASTER TOKEN SINCE UNTIL STATE {JSON}`, times by the host's uptime.
 * MASTER is the master's process id and start. A restart of HAProxy forgets every drain: with that process a line loses
 * its meaning. Whether it lives the kernel says, so that a master which does not answer makes nobody forget anything.
 */
export const drainsInPerl = String.raw`
sub uptime { open my $file, "<", "/proc/uptime" or die "there is no /proc/uptime\n"; return int((split " ", <$file>)[0]) }
# bits of srv_admin_state (Management Guide 9.3, show servers state): 1 maintenance, 8 drain, each by command
my %wanted = (ready => [9, 0], drain => [9, 8], maint => [1, 1]);
sub is_as { my ($admin, $to) = @_; my ($mask, $value) = @{$wanted{$to}};
  return defined $admin && ($admin & $mask) == $value; }
# POOL/SERVER and its srv_admin_state, of all; or nothing, and why
sub admin_states { my ($known, $why) = ask_worker("show servers state");
  return (undef, $why) if defined $why;
  return (undef, "it does not name its servers") unless $known =~ /^# be_id /m;
  return { map { my @f = split; @f > 6 && $f[6] =~ /^[0-9]+$/ ? ("$f[1]/$f[3]", $f[6]) : () } split /\n/, $known }; }
# PID.START; or nothing, and why. While it reloads the master does not answer for a moment
sub master { my $begun = uptime(); my $why;
  while (1) {
    (my $list, $why) = ask("${masterSocket}", "show proc");
    my ($pid) = ($list // "") =~ /^(\d+)\s+master\s/m;
    my $start = defined $pid ? start_of($pid) : "";
    return "$pid.$start" if $start ne "";
    return (undef, $why // "${masterSocket}: it does not name the master") if uptime() - $begun > 2;
    select undef, undef, undef, 0.1;
  } }
# the lines that mean something still
sub drains { my ($state) = @_;
  open my $file, "<", "$state/state/drains" or return;
  my @lines = map { chomp; /^\S+ [0-9]+[.][0-9]+ [0-9a-f]+ [0-9]+ [0-9]+ (?:drain|maint) \{/ ? $_ : () } <$file>;
  my $now = uptime();
  return grep { my (undef, $master, undef, $since) = split " "; my ($pid, $start) = split /[.]/, $master;
    $since <= $now && start_of($pid) eq $start } @lines; }
# why not, or nothing
sub write_drains { my ($state, @lines) = @_; my ($file, $folder) = ("$state/state/drains", "");
  for (grep { length } split m{/}, "$state/state") { $folder .= "/$_"; mkdir $folder, 0755 }
  open my $out, ">", "$file.new" or return "$file.new: $!";
  return if print($out map { "$_\n" } @lines) && close $out && chmod(0644, "$file.new") && rename "$file.new", $file;
  my $why = "$file.new: $!";
  unlink "$file.new";
  return $why; }
`;

/** Perl's part, after the one above, that changes a server's state under the lock of a commit. */
export const setStateInPerl = String.raw`
my $lock;
sub take_lock { my ($service, $wait) = @_;
  open $lock, ">>", "/run/lbctl/$service.lock" or die "/run/lbctl/$service.lock: $!\n";
  my $until = uptime() + $wait;
  until (flock $lock, 6) { return 0 if uptime() >= $until; select undef, undef, undef, 0.1 }
  return 1; }
# what HAProxy says against it; nothing once it has read back as wanted
sub set_state { my ($server, $to) = @_;
  my ($said, $why) = ask_worker("set server $server state $to");
  return $why if defined $why;
  return ($said =~ /^([ -~]+)/m)[0] if $said =~ /\S/;
  my ($admin, $silent) = admin_states();
  return $silent if defined $silent;
  return "it is not there any more" unless defined $admin->{$server};
  return is_as($admin->{$server}, $to) ? undef : "it was told, but its state reads back as $admin->{$server}"; }
`;
