/** Perl's part that reads the history, and manifests: these are what JSON.stringify makes with two spaces, a key a line. */
export const historyInPerl = `
sub slurp { open my $file, "<:raw", $_[0] or return undef; local $/; return <$file> // "" }
# the author and the changes of a manifest, as JSON without braces
sub head_of { my ($manifest) = @_;
  my %value = $manifest =~ /^  "(by|at|lbctl|git|restores|changes)": (\\[\\]|\\[.*?^  \\]|[^\\n]*?),?$/gms;
  my $files = $value{changes} // "[]";
  $files =~ s/\\n\\s*//g;
  return join ",", (map { "\\"$_\\":" . ($value{$_} // "null") } qw(restores by at lbctl git)), "\\"files\\":$files"; }
# the lines of the history, the oldest first
sub entries { return grep { /^\\{.*\\}\\z/ } split /\\n/, slurp("$_[0]/history") // "" }
`;

/** What is wrong with a generation that an older lbctl kept: what stood there before it came. */
export const noManifest = "it has no manifest.json";

/**
 * In a generation that lbctl did not make, but kept: its manifest. `manifest.json` says that a set is lbctl's own, which
 * this one never is.
 */
export const keptManifest = ".kept.json";

/** Perl's part that knows whether a generation is what its manifest says, and which was current before. */
export const generationsInPerl = `${historyInPerl}
my $not_of_the_set; BEGIN { $not_of_the_set = qr/^(?:manifest[.]json|[.]sha256sums|[.]expectations|[.]kept[.]json)\\z/ }
# the numbers that are there, rising
sub generations { my ($state) = @_; opendir my $folder, "$state/generations" or return ();
  return sort { $a <=> $b } grep { /^(?:0|[1-9][0-9]*)\\z/ } readdir $folder; }
sub current { return (readlink("$_[0]/current") // "") =~ m{^generations/([0-9]+)\\z} ? $1 : "" }
# the newest one that was current before the current one, and is still there; else the next lower number. Not one from
# before a release: what stood there between is no generation
sub previous { my ($state) = @_; my $current = current($state);
  my @kept = grep { defined manifest_of("$state/generations/$_") && $_ ne $current } generations($state);
  my %kept = map { $_ => 1 } @kept;
  # what this one replaced was written by hand
  return $current - 1 if $current ne "" && $kept{$current - 1} && !-e "$state/generations/" . ($current - 1) . "/manifest.json";
  for my $entry (reverse entries($state)) {
    return "" if $entry =~ /^\\{"generation":null,"outcome":"released"/;
    return $1 if $entry =~ /^\\{"generation":([0-9]+),"outcome":"(?:changed|rollback)"/ && $kept{$1};
  }
  my @lower = grep { $current ne "" && $_ < $current } @kept;
  return @lower ? $lower[-1] : ""; }
sub manifest_of { my ($dir) = @_; return slurp("$dir/manifest.json") // slurp("$dir/${keptManifest}") }
# problems_of DIR: how a generation differs from its manifest, a phrase each; none when it is whole. Files in certs/
# that the manifest does not name are owned by others.
sub problems_of { my ($dir) = @_; my (%sum, %mode, %found, @problems);
  my $manifest = manifest_of($dir) // return "${noManifest}";
  my $ours = -e "$dir/manifest.json";
  my ($format) = $manifest =~ /^  "format": ([0-9]+),?$/m or return "its manifest.json cannot be read";
  return "its format $format needs a newer lbctl" if $format > 1;
  while ($manifest =~ /\\{\\s*"path": "((?:[^"\\\\]|\\\\.)*)",\\s*"mode": "([0-7]+)",\\s*"sha256": "([0-9a-f]{64})"\\s*\\}/g) {
    my ($path, $mode, $sum) = ($1, $2, $3);
    $path =~ s/\\\\(.)/$1/g;
    ($mode{$path}, $sum{$path}) = (oct $mode, $sum);
  }
  my $sums = join "\\n", sort split /\\n/, slurp("$dir/.sha256sums") // "";
  push @problems, "its .sha256sums is not that of its manifest.json"
    if $ours && $sums ne join "\\n", sort map { "$sum{$_}  $_" } keys %sum;
  for my $path (all_below($dir, "")) {
    next if $path =~ $not_of_the_set;
    if (!defined $sum{$path}) { push @problems, "$path was added" unless $path =~ m{^certs/}; next }
    lstat "$dir/$path";
    if (!-f _) { push @problems, "$path is no plain file"; $found{$path} = 0; next }
    my $mode = (stat _)[2] & 07777;
    push @problems, sprintf "%s has the mode %04o, not %04o", $path, $mode, $mode{$path} if $mode != $mode{$path};
    $found{$path} = 1;
  }
  push @problems, "it has no haproxy.cfg" unless $ours || defined $sum{"haproxy.cfg"};
  push @problems, map { "$_ is missing" } sort grep { !defined $found{$_} } keys %sum;
  for (my @left = sort grep { $found{$_} } keys %found; my @some = splice @left, 0, 500;) {
    open my $lines, "-|", "sha256sum", "--", map { "$dir/$_" } @some or return "it cannot be read";
    for my $path (@some) {
      push @problems, "$path has another content" if substr(<$lines> // "", 0, 64) ne $sum{$path};
    }
  }
  return @problems; }
# all but folders, below $dir/$path
sub all_below { my ($dir, $path) = @_; opendir my $folder, "$dir/$path" or return $path;
  my @names = sort grep { !/^\\.\\.?\\z/ } readdir $folder;
  return map { my $below = $path eq "" ? $_ : "$path/$_";
    lstat "$dir/$below"; -d _ ? all_below($dir, $below) : $below } @names; }
`;
