/** Perl's part that reads what a configuration calls itself (`description` in `global`, Configuration Manual 3.1). */
export const describedInPerl = `
my %section = map { $_ => 1 } qw(global defaults frontend backend listen resolvers peers userlist mailers program ring
  http-errors cache fcgi-app log-forward log-profile crt-store acme traces);
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
