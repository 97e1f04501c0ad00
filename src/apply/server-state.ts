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
# maintenance, as commands (bits 8 and 1, with 4 by the configuration, of srv_admin_state, Management Guide 9.3)
sub state_for { my ($state, $old, $new) = @_; my (@lines, @again);
  for my $line (split /\\n/, $state) {
    my @fields = split " ", $line;
    if ($line eq "1" || $line =~ /^#/) { push @lines, $line; next }
    next if @fields < 7;
    my ($pool, $server, $address, $admin, $port) = @fields[1, 3, 4, 6, 18];
    my $rests = $old->{"$pool $server"};
    if (defined $rests && $rests eq ($new->{"$pool $server"} // "") && is_at($rests, $address, $port)) {
      push @lines, $line;
      next;
    }
    push @again, "set server $pool/$server state drain" if $admin & 8;
    # with bit 4 the configuration had it so, and the new one has its own say
    push @again, "set server $pool/$server state maint" if ($admin & 5) == 1;
  }
  return (\\@lines, @again); }
# the state would win over the address that the configuration says, if somebody loaded another one by hand
sub is_at { my ($rests, $address, $port) = @_;
  my ($host, $said) = $rests =~ /^server \\S+ (\\S+?)(?::([0-9]+))?(?: |;|$)/ or return 1;
  $host =~ s/^(?:ipv[46]@)?\\[?(.*?)\\]?$/$1/;
  return 0 if defined $said && defined $port && $said != $port;
  return $host !~ /^[0-9.]+$|:/ || $host eq $address; }
# described CFG: what HAProxy would call itself after loading it
sub described { my ($file) = @_; my $kind = "";
  open my $lines, "<", $file or return "";
  while (my $text = <$lines>) {
    my @words = words_of($text) or next;
    $kind = $words[0] if $section{$words[0]};
    return join " ", @words[1 .. $#words] if $kind eq "global" && $words[0] eq "description";
  }
  return ""; }
# quotes, backslashes and comments as in the Configuration Manual 2.2; \\x27 is a single quote
sub words_of { my ($text) = @_; my @words;
  while ($text =~ /\\G\\s*((?:"(?:\\\\.|[^"\\\\])*"|\\x27[^\\x27]*\\x27|\\\\.|[^\\s#"\\x27\\\\])+)/g) {
    my $word = $1;
    $word =~ s{"((?:\\\\.|[^"\\\\])*)"|\\x27([^\\x27]*)\\x27|\\\\(.)}{$1 // $2 // $3}ge;
    push @words, $word;
  }
  return @words; }
`;
