import { askInPerl } from "../haproxy/socket.ts";
import { leaseInPerl } from "../observe/lease.ts";
import { drainsInPerl, setStateInPerl } from "./in-perl.ts";

/**
 * The perl program of `setState`: STATE SERVICE WAIT TO TOKEN FOR AGAIN RECORD BY REASON SERVER… + GOES…
 * GOES are the servers that take no new clients afterwards, for the look at what is left of a pool. It prints
 * `lbctl-set SERVER`, `lbctl-left SERVER`, `lbctl-refused SERVER WHY`, `lbctl-note WORDS` and `lbctl-end`; or
 * `lbctl-fail KIND WORDS`, and then nothing was changed.
 */
export const setInPerl = String.raw`${askInPerl}${leaseInPerl}${drainsInPerl}${setStateInPerl}
my ($state, $service, $wait, $to, $token, $for, $again, $record, $by, $reason, @rest) = @ARGV;
sub fail { print "lbctl-fail @_\n"; exit }
my (@servers, @goes); my $list = \@servers;
for (@rest) { if ($_ eq "+") { $list = \@goes } else { push @$list, $_ } }
fail("root", $>) if $> != 0;
take_lock($service, $wait) or fail("busy");
my $lease = read_lease("/run/lbctl/$service");
fail("drill", $lease->{owner}) if $to ne "ready" && lives($lease) && $lease->{reason} eq "drill";

# pxname, svname, status, weight, type (Management Guide 9.1)
my ($stat, $why) = ask_worker("show stat");
$why = "it has no statistics" unless defined $why || $stat =~ /^# pxname,/;
fail("silent", $why) if defined $why;
my (%status, %weight);
for (split /\n/, $stat) {
  my @f = split /,/;
  next unless @f > 32 && $f[32] eq "2";
  ($status{"$f[0]/$f[1]"}, $weight{"$f[0]/$f[1]"}) = @f[17, 18];
}
# a drain would bring pinned clients back to a server that is in maintenance
my @left = $to eq "drain" ? grep { ($status{$_} // "") =~ /^MAINT/ } @servers : ();
my %is_left = map { $_ => 1 } @left;
@servers = grep { !$is_left{$_} } @servers;

# one that drains serves those who are pinned to it; one that goes down is nobody to rely on
my $serving = $to eq "maint" ? qr/^(?:UP|DRAIN|no check)/ : qr/^(?:UP|no check)/;
my %goes = map { $_ => 1 } @goes;
my (%stays, %emptied);
for (keys %status) { my ($pool) = split "/"; $stays{$pool} = 1 if $status{$_} =~ /^(?:UP|no check)$/ && $weight{$_} && !$goes{$_} }
for (@goes) {
  my ($pool) = split "/";
  $emptied{$pool} = 1 if ($status{$_} // "") =~ $serving && ($weight{$_} || $status{$_} =~ /^DRAIN/) && !$stays{$pool};
}
fail("emptied", join ", ", sort keys %emptied) if %emptied;

my @before = drains($state);
my %had = map { (split " ")[0], $_ } @before;
sub token_of { return (split " ", $_[0] // "")[2] // "" }
my @moved = $again ? grep { token_of($had{$_}) ne $token } @servers : ();
fail("moved", join ", ", @moved) if @moved;

# the record and the timer come first, so that the load comes back whatever becomes of lbctl
my %these = map { $_ => 1 } @servers;
my @others = grep { my ($server) = split " "; $status{$server} && !$these{$server} } @before;
my ($until, @written, %has) = (0, @before);
if ($to ne "ready" && @servers) {
  my ($master, $silent) = master();
  fail("silent", $silent) if defined $silent;
  if ($again) { ($until) = (split " ", $had{$servers[0]})[4] }
  elsif ($for) {
    my $unarmed = arm();
    fail("rejected", $unarmed) if defined $unarmed;
    $until = uptime() + $for;
  }
  %has = map { $_ => join " ", $_, $master, $token, uptime(), $until, $to, $record } @servers;
  @written = (@others, @has{@servers});
  my $unnoted = write_drains($state, @written);
  if (defined $unnoted) {
    disarm($token) unless $again;
    fail("rejected", "it could not be noted down who does this: $unnoted");
  }
}
my (@done, %refused);
for (@servers) {
  my $against = set_state($_, $to);
  if (defined $against) { $refused{$_} = $against } else { push @done, $_ }
}
my @lines = (@others, map { $refused{$_} ? $had{$_} // () : $has{$_} // () } @servers);
my $unnoted = join("\n", @lines) eq join("\n", @written) ? undef : write_drains($state, @lines);
my %has_use = map { token_of($_) => 1 } @lines;
my %tokens = map { token_of($_) => 1 } @before, @written;
disarm($_) for grep { !$has_use{$_} } keys %tokens;
my $words = "$to by $by" . ($until ? sprintf " for %d s", $until - uptime() : "") . ($reason eq "" ? "" : ": $reason");
system "logger", "-t", "lbctl", "--", "@done $words" if @done;
print "lbctl-left $_\n" for @left;
print "lbctl-set $_\n" for @done;
print "lbctl-refused $_ $refused{$_}\n" for sort keys %refused;
print "lbctl-note what was noted down of them before is there still: $unnoted\n" if defined $unnoted;
print "lbctl-end\n";

# perl reads the program: what is below /run may not be run by itself on every host
sub arm { my $program = "/run/lbctl/ready-$token";
  open my $out, ">", $program or return "$program: $!";
  unless (print($out $ENV{returning}) && close $out) { my $why = "$program: $!"; unlink $program; return $why }
  my $said = qx(systemd-run -q --collect --unit=lbctl-ready-$token --on-active=$for --timer-property=AccuracySec=100ms /usr/bin/perl $program $state $service $token 2>&1);
  return unless $?;
  unlink $program;
  return "the timer that makes it ready could not be armed: " . ($said =~ s/\s+/ /gr); }
sub disarm { my ($token) = @_;
  return unless -e "/run/lbctl/ready-$token";
  system "systemctl stop -q lbctl-ready-$token.timer 2>/dev/null";
  unlink "/run/lbctl/ready-$token"; }
`;
