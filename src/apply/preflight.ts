/**
 * Perl's part that looks for addresses which a new worker could not bind: taken by another process, or not this host's.
 * HAProxy's own sockets, as its processes hold them, are not in the way, and the kernel itself is asked of the rest.
 */
export const preflightInPerl = String.raw`
# preflight HELD MAIN FACTS: [LINE, TEXT, HINT] of each; HELD is the output of ss, MAIN the process id of the master
sub preflight { my ($held, $main, @facts) = @_; my (@found, %foreign, @binds, $variable);
  for (@facts) {
    my ($kind, @rest) = split " ";
    if ($kind eq "bind") {
      my %bind; @bind{qw(line protocol family hex first last dual transparent device)} = @rest; push @binds, \%bind;
    }
    $foreign{$rest[0]} = 1 if $kind eq "foreign";
    $variable = $rest[0] if $kind eq "foreign-by";
  }
  my @near = grep { my $held = $_; grep { overlaps($_, $held) } @binds } map { read_held($_) } split /\n/, $held;
  my %own = own_sockets($main, map { $_->{inode} } @near);
  for my $bind (@binds) {
    my ($line, $shown) = ($bind->{line}, address($bind->{hex}));
    # HAProxy would listen on all of them, and only warn
    if ($bind->{device} ne "-" && !-e "/sys/class/net/$bind->{device}") {
      push @found, [$line, "this host has no interface $bind->{device}", "Name one that ip link shows."];
      next;
    }
    my @over = grep { overlaps($bind, $_) } @near;
    if (my ($other) = grep { !$own{$_->{inode}} } @over) {
      push @found, [$line, "it is taken: " . holder($other) . " listens there", "Stop that program, or choose another port."];
      next;
    }
    next if 1 + $bind->{last} - $bind->{first} <= grep { $_->{hex} eq $bind->{hex} } @over;
    my ($family, $nonlocal) = $bind->{family} == 4 ? (4, "net.ipv4.ip_nonlocal_bind") : (6, "net.ipv6.ip_nonlocal_bind");
    if ($bind->{hex} =~ /[^0]/ && !$bind->{transparent} && !is_local($shown)) {
      if (!$foreign{$bind->{hex}}) {
        push @found, [$line, "$shown is no address of this host",
          defined $variable ? "Mend it, or list it in $variable when it moves between hosts." : "Mend it."];
        next;
      }
      if (tried($bind, 0) eq "foreign") {
        push @found, [$line, "$shown is no address of this host now, and the kernel binds no others",
          "Set $nonlocal=1 on the host, or add \x60transparent\x60 to the bind."];
        next;
      }
    }
    # with a socket of its own there the kernel says "taken", and a range would take long
    next if @over || $bind->{last} - $bind->{first} > 1023;
    my ($taken) = grep { tried($bind, $_) eq "taken" } $bind->{first} .. $bind->{last};
    push @found, [$line, "port $taken is taken", "Look for it in the output of ss -anp."] if defined $taken;
  }
  return @found; }
# what one socket listens on, of the output of ss -Htulne
sub read_held { my ($protocol, $state, undef, undef, $local) = split " ", $_[0]; my %held;
  return unless defined $local && $local =~ /^(.*):([0-9]+)$/;
  my ($host, $port) = ($1, $2);
  my ($inode) = $_[0] =~ / ino:([0-9]+)/;
  my $device = $host =~ s/%([^]]+)// ? $1 : "-";
  $host =~ s/^\[(.*)\]$/$1/;
  my $dual = $host eq "*" || ($host eq "::" && $_[0] !~ /v6only:1/);
  my $hex = $host eq "*" || $host eq "::" ? "0" x 32 : hex_of($host);
  return { protocol => $protocol, hex => $hex, first => $port, last => $port, dual => $dual, device => $device,
    inode => $inode // "", shown => $local }; }
sub hex_of { my ($host) = @_;
  return sprintf "%02x" x 4, split /\./, $host if $host =~ /^[0-9.]+$/;
  require Socket; return unpack("H*", Socket::inet_pton(10, $host) // "") =~ s/^0{20}ffff//r; }
sub overlaps { my ($a, $b) = @_;
  return 0 if $a->{protocol} ne $b->{protocol} || $a->{first} > $b->{last} || $b->{first} > $a->{last};
  return 0 if $a->{device} ne "-" && $b->{device} ne "-" && $a->{device} ne $b->{device};
  return $a->{dual} || $b->{dual} if length $a->{hex} != length $b->{hex};
  return $a->{hex} eq $b->{hex} || $a->{hex} !~ /[^0]/ || $b->{hex} !~ /[^0]/; }
# own_sockets MAIN INODE…: those that processes of the service hold; listeners are among their first descriptors
sub own_sockets { my ($main, @inodes) = @_; my %wanted = map { $_ => 1 } grep { $_ ne "" } @inodes; my (%own, @pids);
  return unless $main;
  if (open my $children, "<", "/proc/$main/task/$main/children") { @pids = split " ", <$children> // "" }
  for my $pid (reverse($main, @pids)) {
    opendir my $folder, "/proc/$pid/fd" or next;
    for my $fd (sort { $a <=> $b } grep { /^[0-9]/ } readdir $folder) {
      last unless %wanted;
      my ($inode) = (readlink("/proc/$pid/fd/$fd") // "") =~ /^socket:\[([0-9]+)\]/ or next;
      $own{$inode} = 1 if delete $wanted{$inode};
    }
  }
  return %own; }
sub address { my ($hex) = @_;
  return join ".", map { hex } $hex =~ /../g if length $hex == 8;
  return join ":", $hex =~ /..../g; }
# an address that no route leads to is not this one either
sub is_local { open my $route, "-|", "ip -o route get $_[0] 2>/dev/null" or return 1; return (<$route> // "") =~ /^local / }
# tried BIND PORT: what the kernel says to a socket there; it is gone again at once
sub tried { my ($bind, $port) = @_; my $socket;
  my ($family, $type) = ($bind->{family} == 4 ? 2 : 10, $bind->{protocol} eq "tcp" ? 1 : 2);
  socket $socket, $family, $type, 0 or return "unknown";
  setsockopt $socket, 1, 2, 1;
  setsockopt $socket, 0, 15, 1 if $bind->{transparent};
  setsockopt $socket, 41, 26, $bind->{dual} ? 0 : 1 if $family == 10;
  my $place = $family == 2 ? pack("S n H8 x8", $family, $port, $bind->{hex}) : pack("S n N H32 N", $family, $port, 0, $bind->{hex}, 0);
  return "free" if bind $socket, $place;
  # EADDRNOTAVAIL and EADDRINUSE
  return $! == 99 ? "foreign" : $! == 98 ? "taken" : "unknown"; }
sub holder { my ($held) = @_;
  open my $all, "-|", "ss", "-Htulnp" or return "another program";
  for (<$all>) {
    return "$1 (process $2)" if (split " ")[4] eq $held->{shown} && /^$held->{protocol} .*users:\(\("([^"]*)",pid=([0-9]+)/;
  }
  return "another program"; }
`;
