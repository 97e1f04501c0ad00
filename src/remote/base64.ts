/** Perl's part that makes base64 of bytes: MIME::Base64 is not in perl-base. */
export const base64InPerl = `
sub base64 { my ($bytes) = @_; return "" if $bytes eq "";
  my $text = join "", map { substr $_, 1 } split /\\n/, pack "u", $bytes;
  $text =~ tr#\`!-_#AB-Za-z0-9+/#;
  my $pad = (3 - length($bytes) % 3) % 3;
  substr($text, -$pad) = "=" x $pad if $pad;
  return $text; }
`;
