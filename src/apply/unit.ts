/** What of a unit says how its program is started: systemctl(1), systemd.exec(5). */
export const unitProperties = "ExecStart,Environment,EnvironmentFiles,MainPID,LimitNOFILE";

/**
 * Perl's part that knows how the service starts HAProxy, drop-ins and environment files included, so that what is
 * checked here is what will be started there.
 */
export const unitInPerl = String.raw`
# read_unit SHOWN: (program, words, environment, properties) of what systemctl shows
sub read_unit { my ($shown) = @_; my (%is, @files);
  for (split /\n/, $shown) {
    my ($name, $value) = split /=/, $_, 2;
    if ($name eq "EnvironmentFiles") { push @files, $value =~ s/ \(ignore_errors=\w+\)$//r } else { $is{$name} = $value }
  }
  my %env = map { /^([^=]+)=(.*)$/s ? ($1, $2) : () } unquoted_words($is{Environment} // "");
  # compiled when it is needed: glob loads a module
  for my $file (map { /[*?[]/ ? eval "glob" : $_ } @files) {
    open my $in, "<", $file or next;
    local $/; my $text = <$in> =~ s/\\\n//gr;
    for (split /\n/, $text) { $env{$1} = join " ", unquoted_words($2) if /^\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/ }
  }
  my ($program, $words) = ($is{ExecStart} // "") =~ /path=(\S+) ; argv\[\]=(.*?) ; ignore_errors=/;
  my (undef, @words) = map { expanded($_, \%env) } split " ", $words // "";
  return ($program, \@words, \%env, \%is); }
# a whole word $NAME becomes several, NAME in braces is a part of one
sub expanded { my ($word, $env) = @_;
  return split " ", $env->{$1} // "" if $word =~ /^\$(\w+)$/;
  return $word =~ s/\$\{(\w+)\}/$env->{$1} \/\/ ""/ger; }
sub unquoted_words { my ($text) = @_; my @words;
  while ($text =~ /\G\s*((?:[^\s"\x27\\]+|"(?:[^"\\]|\\.)*"?|\x27[^\x27]*\x27?|\\.)+)/gs) {
    push @words, $1 =~ s/"((?:[^"\\]|\\.)*)"?|\x27([^\x27]*)\x27?|\\(.)/unescaped($1) . ($2 \/\/ "") . ($3 \/\/ "")/gesr;
  }
  return @words; }
sub unescaped { return ($_[0] // "") =~ s/\\(.)/$1/gsr }
# with_config WORDS OLD NEW: words for another configuration that neither silence HAProxy nor end another one; and
# whether the unit loads OLD, and what it loads besides
sub with_config { my ($words, $old, $new) = @_; my (@words, @others); my ($found, @left) = (0, @$words);
  while (defined(my $word = shift @left)) {
    if ($word eq "-f") {
      my $file = shift @left;
      if ($file eq $old) { $found = 1; $file = $new } else { push @others, $file }
      push @words, "-f", $file;
    }
    elsif ($word =~ /^-s[ft]$/) { shift @left while @left && $left[0] =~ /^[0-9]/ }
    elsif ($word eq "-x") { shift @left }
    elsif ($word !~ /^-[qDV]$/) { push @words, $word }
  }
  return (\@words, $found, @others); }
# in one process, and without what belongs to the master
sub without_master { my @words; my @left = @_;
  while (defined(my $word = shift @left)) {
    if ($word =~ /^-[Sp]$/) { shift @left } elsif ($word !~ /^-(?:W|Ws|db)$/) { push @words, $word }
  }
  return @words; }
`;
