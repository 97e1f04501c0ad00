/** Milliseconds beyond the longest that a first check may take, for a host that is busy. */
const slackMs = 5000;

/** The watchdog of a change does not wait for ever. */
const longestMs = 40_000;

/**
 * Perl's part, after `serverStateInPerl`, that knows before a reload which servers' checks the new worker must make: all
 * of each pool in which a server is new, or has another line or check.
 */
export const gatePlanInPerl = `
# gate_plan STATE OLD NEW CFG: "server POOL SERVER WAS MS" of each, where WAS is what the old worker held of it: up, down,
# held (drained or in maintenance) or new, and MS the longest until its first check has ended; "had POOL" of a pool that
# had a usable server
sub gate_plan { my ($state, $old, $new, $config) = @_; my (%was, %touched, %had);
  for my $name (keys %$new) { $touched{(split " ", $name)[0]} = 1 if $new->{$name} ne ($old->{$name} // "") }
  return unless %touched;
  for (split /\\n/, $state) {
    my ($pool, $server, $up, $admin) = (split " ")[1, 3, 5, 6];
    next if /^#/ || !defined $admin || !$touched{$pool};
    # bit 4 says that the configuration disables it, not that it is
    $was{"$pool $server"} = $admin & ~4 ? "held" : $up ? "up" : "down";
    $had{$pool} = 1 if $was{"$pool $server"} eq "up";
  }
  my %timing = timing_of($config);
  return ((map { "had $_" } sort keys %had),
    map { join " ", "server", $_, $was{$_} // "new", first_check_ms($new->{$_}, %timing) }
    grep { $touched{(split " ")[0]} } sort keys %$new); }
# the longest of what the file says, wherever it says it; max-spread-checks bounds when first checks begin
sub timing_of { my %timing = (connect => 0);
  open my $lines, "<", $_[0] or return %timing;
  for (<$lines>) {
    $timing{spread} = ms($1) if /^\\s*max-spread-checks\\s+(\\S+)/;
    $timing{connect} = longest($timing{connect}, $1) if /^\\s*timeout\\s+connect\\s+(\\S+)/;
  }
  return %timing; }
# first checks are spread over inter; each may take the timeouts of connect, up to inter, and of check
sub first_check_ms { my ($rests, %timing) = @_;
  my @inter = $rests =~ /(?: |^)inter ([0-9]\\S*)/g;
  my $inter = @inter ? longest(0, @inter) : 2000;
  my @check = $rests =~ /timeout check ([^ ;]+)/g;
  my $begins = defined $timing{spread} && $timing{spread} < $inter ? $timing{spread} : $inter;
  my $connects = $timing{connect} && $timing{connect} < $inter ? $timing{connect} : $inter;
  my $most = int($begins + $connects + longest(0, @check) + ${String(slackMs)});
  return $most < ${String(longestMs)} ? $most : ${String(longestMs)}; }
sub longest { my ($most, @times) = @_;
  for (map { ms($_) } @times) { $most = $_ if $_ > $most }
  return $most; }
# a time as HAProxy writes it (Configuration Manual 2.5), in ms
sub ms { my ($number, $unit) = $_[0] =~ /^([0-9]+)(us|ms|s|m|h|d)?/ or return 0;
  my %in_ms = (us => 0.001, ms => 1, s => 1000, m => 60000, h => 3600000, d => 86400000);
  return $number * $in_ms{$unit // "ms"}; }
`;
