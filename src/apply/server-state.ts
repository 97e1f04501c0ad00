import { describedInPerl } from "../haproxy/description.ts";

/**
 * Perl's part that carries drains, weights and check states over a reload (`server-state-file`, Configuration Manual
 * 3.1). HAProxy lets the file win over its configuration, so servers that the new one changes stay out of it. A result of
 * the old worker's checks never goes over: what `show stat` says of a check is the new worker's own.
 */
export const serverStateInPerl = `${describedInPerl}# servers_of CFG: "pool server" of each, and all that its state rests on; default sections count for all servers
sub servers_of { my ($file) = @_; my ($kind, $pool, $shared) = ("", "", ""); my (%line, %checks, %rests);
  open my $lines, "<", $file or return {};
  while (my $text = <$lines>) {
    my @words = split " ", $text;
    next if !@words || $words[0] =~ /^#/;
    if ($section{$words[0]}) {
      $kind = $words[0]; $pool = $kind =~ /^(?:backend|listen)$/ ? $words[1] // "" : "";
      next;
    }
    $text = join " ", @words;
    if ($pool ne "" && $words[0] eq "server") { $line{"$pool $words[1]"} = $text; next }
    if ($pool ne "" && $words[0] eq "server-template" && ($words[2] // "") =~ /^(?:([0-9]+)-)?([0-9]+)$/ && $2 < 10000) {
      my $rest = join " ", @words[3 .. $#words];
      $line{"$pool $words[1]$_"} = "server $words[1]$_ $rest" for ($1 // 1) .. $2;
      next;
    }
    next unless ($words[0] eq "timeout" ? $words[1] : join " ", @words[0 .. (1 < @words)]) =~ /check|chk|default-server/;
    if ($kind eq "defaults") { $shared .= ";$text" } elsif ($pool ne "") { $checks{$pool} .= ";$text" }
  }
  for my $server (keys %line) {
    my ($own) = split " ", $server;
    my $all = $line{$server} . ($checks{$own} // "");
    if ($all =~ m{ track (?:([^ ;/]+)/)?([^ ;]+)}) {
      my $tracked = $1 // $own;
      $all .= ($line{"$tracked $2"} // "") . ($checks{$tracked} // "");
    }
    $rests{$server} = $all . $shared;
  }
  return \\%rests; }
# state_for STATE OLD NEW: the lines of servers that both sets have alike, and of those that are up and have another check,
# counts or times alone, so that one failed check of a new kind takes nobody away; of the others only who was drained or in maintenance,
# as commands (bits 8 and 1, with 4 by the configuration, of srv_admin_state, Management Guide 9.3)
sub most_healthy { my ($rests) = @_;
  my ($rise, $fall) = map { $rests =~ / $_ ([0-9]+)/ ? $1 : undef } qw(rise fall);
  return ($rise // 2) + ($fall // 3) - 1; }
sub state_for { my ($state, $old, $new) = @_; my (@lines, @again);
  for my $line (split /\\n/, $state) {
    my @fields = split " ", $line;
    if ($line eq "1" || $line =~ /^#/) { push @lines, $line; next }
    next if @fields < 7;
    my ($pool, $server, $address, $up, $admin, $port) = @fields[1, 3, 4, 5, 6, 18];
    my ($rests, $will) = map { $_->{"$pool $server"} // "" } $old, $new;
    if ($rests ne "" && is_at($rests, $address, $port) && ($rests eq $will || ($up == 2 && line_of($rests) eq line_of($will)))) {
      # the new worker would show the result of the old one as its own: INI (1), unknown (0)
      @fields[10, 11] = (1, 0) if @fields > 11;
      # as healthy as can be by the new count, or the first failure would be one too many
      $fields[12] = most_healthy($will) if @fields > 12 && $rests ne $will;
      push @lines, join " ", @fields;
      next;
    }
    push @again, "set server $pool/$server state drain" if $admin & 8;
    # with bit 4 the configuration had it so, and the new one has its own say
    push @again, "set server $pool/$server state maint" if ($admin & 5) == 1;
  }
  return (\\@lines, @again); }
# the line of a server and its defaults, without its check, and without counts and times that the state does not hold
sub line_of {
  my $lines = join ";", grep { /^(?:default-)?server / } split /;/, $_[0];
  $lines =~ s/ (?:inter|fastinter|downinter|rise|fall|error-limit|slowstart|maxconn|minconn|maxqueue) \\S+//g;
  return $lines; }
# the state would win over the address that the configuration says, if somebody loaded another one by hand
sub is_at { my ($rests, $address, $port) = @_;
  my ($host, $said) = $rests =~ /^server \\S+ (\\S+?)(?::([0-9]+))?(?: |;|$)/ or return 1;
  $host =~ s/^(?:ipv[46]@)?\\[?(.*?)\\]?$/$1/;
  return 0 if defined $said && defined $port && $said != $port;
  return $host !~ /^[0-9.]+$|:/ || $host eq $address; }
`;

/**
 * Perl's part, after the part above and `askInPerl`, that hands over what the worker knows of its servers: `save_state
 * STATE KNOWN OLD NEW`, of what `both_sides` finds, writes the state file and returns the commands that are to be said
 * again to the new worker.
 */
export const carryOverInPerl = `
# of a server that is gone HAProxy says so, and nothing is lost
sub save_state { my ($state, @sides) = @_;
  my ($lines, @commands) = state_for(@sides);
  write_state($state, @$lines) if @$lines;
  return @commands; }
# what the worker knows of its servers, and the servers of what it loaded and of what is live now
sub both_sides { my ($live, $state, $previous) = @_;
  my ($loaded, $known) = (loaded(), (ask_worker("show servers state"))[0] // "");
  # what the worker loaded: mostly the newest set, but not where an apply was cut off; or none that is still there
  my ($set) = grep { -r "$_/haproxy.cfg" && described("$_/haproxy.cfg") eq $loaded } sets($state, $previous);
  my $old = defined $set ? servers_of("$set/haproxy.cfg") : {};
  return ($known, $old, servers_of("$live/haproxy.cfg")); }
sub sets { my ($state, $previous) = @_;
  opendir my $names, "$state/generations";
  my @all = grep { /^(?:0|[1-9][0-9]{0,8})$/ } readdir $names;
  return ("$state/$previous", "$state/rejected", map { "$state/generations/$_" } sort { $b <=> $a } @all); }
# "1" is a state file without servers; a missing or empty one makes HAProxy warn
sub write_state { my ($state, @lines) = @_; my $file = "$state/state/servers";
  open my $out, ">", "$file.new" or return;
  print $out map { "$_\\n" } @lines;
  close $out and chmod 0644, "$file.new" and rename "$file.new", $file; }
sub loaded { return ((ask_worker("show info"))[0] // "") =~ /^[Dd]escription: (.*)$/m ? $1 : "" }
`;
