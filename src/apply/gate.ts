/** How often the new worker is asked for, each 20 ms at least, while the old one still takes connections. */
export const handOverTries = 100;

/**
 * Perl's part, after `askInPerl`, that waits until the new worker has made a check of its own on each server that
 * `gate_plan` names. UP proves nothing before that. `told` is called with `wait` or `note`, and a text.
 */
export const gateInPerl = `
# health_gate IDENTITY PLAN: why the checks do not hold; empty when they do
sub health_gate { my ($want, @plan) = @_; my (%was, %most, %had, %now, @failed, @pending);
  for (@plan) {
    my ($kind, $pool, $server, $was, $ms) = split " ";
    if ($kind eq "had") { $had{$pool} = 1 }
    if ($kind eq "server") { ($was{"$pool $server"}, $most{"$pool $server"}) = ($was, $ms / 1000) }
  }
  my %it = (new => "is new", down => "was down before", held => "was drained or in maintenance");
  my $began = my $told = uptime();
  my $others = 0;
  while (%was) {
    my $asked = uptime();
    # in one answer, since the old worker may still take a connection
    my ($answer, $why) = ask_worker("show info;show stat -1 4 -1");
    return "health gate: HAProxy does not answer: $why" if defined $why;
    my ($loaded) = $answer =~ /^[Dd]escription: (.*)$/m;
    if (($loaded // "") ne $want) {
      return "health gate: HAProxy does not run the new configuration" if ++$others >= ${String(handOverTries)};
      select undef, undef, undef, 0.02;
      next;
    }
    return "health gate: HAProxy does not tell of its servers" if $answer !~ /^# pxname,/m;
    %now = map { ("$_->{pxname} $_->{svname}" => $_) } rows($answer);
    my @named = grep { $now{$_} } sort keys %was;
    @failed = grep { check_of($now{$_}) eq "failed" } @named;
    my @bad = grep { $was{$_} eq "up" } @failed;
    return few(map { "health gate: " . failure_of($now{$_}) } @bad) if @bad;
    @pending = grep { check_of($now{$_}) eq "pending" } @named;
    last unless @pending;
    my $waited = uptime() - $began;
    my @late = grep { $waited > $most{$_} } @pending;
    my %unseen = map { $_ => sprintf "%s completed no check within %.0f s", shown($now{$_}), $most{$_} } @late;
    my @awaited = grep { $was{$_} eq "up" } @late;
    return few(map { "health gate: $unseen{$_}" } @awaited) if @awaited;
    told("note", "$unseen{$_}; it $it{$was{$_}}") for @late;
    delete @was{@late};
    if (uptime() - $told > 2) {
      $told = uptime();
      told("wait", "waiting for a check of " . name_of($now{$pending[0]}) . (@pending > 1 ? " and " . (@pending - 1) . " more" : ""));
    }
    # most of the time is left to HAProxy
    my $pause = 4 * (uptime() - $asked);
    select undef, undef, undef, $pause > 0.05 ? $pause : 0.05;
  }
  my %usable = map { $_->{pxname} => 1 } grep { is_usable($_, \\%now) } values %now;
  my @empty = grep { !$usable{$_} } sort keys %had;
  return few(map { my $pool = $_; ("health gate: $pool has no usable server, and had one before",
    map { failure_of($now{$_}) } grep { /^\\Q$pool\\E / } @failed) } @empty) if @empty;
  told("note", $_) for split /\\n/, few(map { failure_of($now{$_}) . "; it $it{$was{$_}}" } @failed);
  return ""; }
# passed, failed or pending; none where no check is made
sub check_of { my ($server) = @_; my $status = $server->{check_status} =~ s/^\\* //r;
  return "none" if $status eq "" || $server->{status} =~ /^(?:MAINT|no check)/;
  return "pending" if $status =~ /^(?:INI|UNK|HANA)$/;
  return $status =~ /OK|^CHECKED$/ ? "passed" : "failed"; }
# UP, or on its way there; where one tracks another, the check of that one counts
sub is_usable { my ($server, $all) = @_;
  return 0 if $server->{status} =~ /^(?:MAINT|DRAIN|NOLB)/;
  return 1 if $server->{status} =~ /^(?:UP|no check)/;
  my $tracked = $all->{$server->{tracked} =~ s{/}{ }r} // $server;
  return check_of($tracked) eq "passed"; }
sub failure_of { my ($server) = @_; my $status = $server->{check_status} =~ s/^\\* //r;
  my $code = $server->{check_code} ? " $server->{check_code}" : "";
  my $words = $server->{last_chk} ne "" ? $server->{last_chk} : $server->{check_desc};
  # a server may have said them
  $words = substr $words =~ s/[^ -~]+/ /gr, 0, 200;
  return shown($server) . " failed its check: $status$code ($words)"; }
sub name_of { return "$_[0]{pxname}/$_[0]{svname}" }
sub shown { my ($server) = @_; return name_of($server) . ($server->{addr} ne "" ? " ($server->{addr})" : "") }
sub few { my @all = @_;
  return join "\\n", @all > 5 ? (@all[0 .. 4], "and " . (@all - 5) . " more") : @all; }
# the rows of show stat (Management Guide 9.1), by the names in its header
sub rows { my @lines = split /\\n/, $_[0]; my (@names, @rows);
  while (defined(my $line = shift @lines)) {
    if ($line =~ s/^# (?=pxname,)//) { @names = split /,/, $line; next }
    next unless @names && $line =~ /,/;
    $line .= "\\n" . shift @lines while ($line =~ tr/"//) % 2 && @lines;
    my %row; @row{@names} = $line =~ /"/ ? map { s/^"(.*)"$/$1/sr =~ s/""/"/gr } $line =~ /((?:"(?:[^"]|"")*")|[^,]*)(?:,|$)/g : split /,/, $line, -1;
    push @rows, { map { $_ => $row{$_} // "" } qw(pxname svname status check_status check_code check_desc last_chk addr tracked) };
  }
  return @rows; }
sub uptime { open my $file, "<", "/proc/uptime" or die; return (split " ", <$file>)[0] }
`;
