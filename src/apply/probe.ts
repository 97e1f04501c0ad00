/** Seconds that a frontend has to answer. */
const answerSeconds = 5;

/**
 * Perl's part that tries what the facts call `probe`: whether a connection is accepted there, and a request answered.
 * Sockets without perl's modules, as in `askInPerl`. After `gateInPerl`.
 */
export const probeInPerl = `
# probe FACTS: what refuses a connection, or ends it without an answer; silence is told, since servers may be slow
sub probe { my (@facts) = @_; my (@problems, %open);
  for (@facts) {
    my ($kind, $line, $way, $hex, $port, $name) = split " ", $_, 6;
    next unless $kind eq "probe";
    my $where = shown_place($hex, $port);
    my ($socket, $error) = connected($hex, $port);
    if ($error) { push @problems, "$name (line $line of haproxy.cfg) takes no connection at $where: $error" if $error ne "not local" }
    elsif ($way eq "http") { $open{fileno $socket} = [$socket, "$name (line $line of haproxy.cfg)", $where, ""] }
  }
  my $request = "HEAD / HTTP/1.1\\r\\nHost: lbctl\\r\\nUser-Agent: lbctl\\r\\nConnection: close\\r\\n\\r\\n";
  local $SIG{PIPE} = "IGNORE";
  syswrite $_->[0], $request for values %open;
  my $until = uptime() + ${String(answerSeconds)};
  while (%open && uptime() < $until) {
    my $ready = "";
    vec($ready, $_, 1) = 1 for keys %open;
    select $ready, undef, undef, 0.5;
    for my $number (grep { vec $ready, $_, 1 } keys %open) {
      my ($socket, $name, $where) = @{$open{$number}};
      my $got = sysread $socket, $open{$number}[3], 64, length $open{$number}[3];
      my $answered = $open{$number}[3] =~ m{^HTTP/1\\.[01] [1-5][0-9][0-9]};
      push @problems, "$name ended a request at $where without an answer" if !$answered && !$got;
      delete $open{$number} if $answered || !$got;
    }
  }
  told("note", "$_->[1] took a request at $_->[2] and did not answer within ${String(answerSeconds)} s") for values %open;
  return @problems; }
# connected HEX PORT: a socket, or why there is none; what is refused once may be a listener that is just handed over
sub connected { my ($hex, $port) = @_; my $v4 = length $hex == 8;
  my $to = $hex =~ /[^0]/ ? $hex : $v4 ? "7f000001" : "0" x 31 . "1";
  my $place = $v4 ? pack("S n H8 x8", 2, $port, $to) : pack("S n N H32 N", 10, $port, 0, $to, 0);
  my $error;
  for my $try (1 .. 3) {
    socket my $socket, $v4 ? 2 : 10, 1, 0 or return (undef, "not local");
    my $ok = eval { local $SIG{ALRM} = sub { die "no answer\\n" }; alarm ${String(answerSeconds)};
      my $done = connect $socket, $place; $error = $! + 0; alarm 0; $done };
    alarm 0;
    return ($socket, undef) if $ok;
    return (undef, "no answer within ${String(answerSeconds)} s") if $@;
    # EADDRNOTAVAIL and ENETUNREACH: no loopback of this family
    return (undef, "not local") if $error == 99 || $error == 101;
    select undef, undef, undef, 0.1;
  }
  return (undef, do { local $! = $error; lc "$!" }); }
sub shown_place { my ($hex, $port) = @_;
  return $hex =~ /[^0]/ ? join(".", map { hex } $hex =~ /../g) . ":$port" : "*:$port" if length $hex == 8;
  return "[" . join(":", $hex =~ /..../g) =~ s/^(?:0000:)*0000$/::/r . "]:$port"; }
`;
