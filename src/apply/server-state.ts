/**
 * Perl's part that carries drains, weights and check states over a reload (`server-state-file`, Configuration Manual
 * 3.1). HAProxy lets the file win over its configuration, so servers that the new one changes stay out of it.
 */
export const serverStateInPerl = `
my %section = map { $_ => 1 } qw(global defaults frontend backend listen resolvers peers userlist mailers program ring
  http-errors cache fcgi-app log-forward log-profile crt-store acme traces);
# servers_of CFG: "pool server" of each, and all that its state rests on; default sections count for all servers
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
# state_for STATE OLD NEW: the lines of servers that both sets have alike; of the others only who was drained or in
# maintenance, as commands (bits 8 and 1 of srv_admin_state, Management Guide 9.3)
sub state_for { my ($state, $old, $new) = @_; my (@lines, @again);
  for my $line (split /\\n/, $state) {
    my @fields = split " ", $line;
    if ($line eq "1" || $line =~ /^#/) { push @lines, $line; next }
    next if @fields < 7;
    my ($pool, $server, $admin) = @fields[1, 3, 6];
    my $rests = $old->{"$pool $server"};
    if (defined $rests && $rests eq ($new->{"$pool $server"} // "")) { push @lines, $line; next }
    push @again, "set server $pool/$server state drain" if $admin & 8;
    push @again, "set server $pool/$server state maint" if $admin & 1;
  }
  return (\\@lines, @again); }
`;
