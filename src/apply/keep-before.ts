import { keptManifest } from "../observe/generations.ts";

/**
 * A shell function `write_kept_manifest DIR`, after `recordFunctions`: what stood there before lbctl gets a manifest of
 * its files, by which going back there can be checked. Certificates are others', here as everywhere.
 */
export const writeKeptManifest = `write_kept_manifest() { perl -e "use strict;$record_in_perl"'
  my ($dir, $by, $at) = @ARGV;
  my @files;
  open my $found, "-|", "find", $dir, "-type", "f", "-not", "-path", "$dir/certs/*", "-printf", "%04m %P\\\\0" or die "find: $!";
  my @found = do { local $/ = "\\0"; map { chomp; $_ } <$found> };
  for (sort @found) {
    my ($mode, $path) = /^([0-7]{4}) (.*)\\z/s or next;
    open my $sum, "-|", "sha256sum", "--", "$dir/$path" or die "sha256sum: $!";
    my ($sha256) = (<$sum> // "") =~ /^\\\\?([0-9a-f]{64}) / or die "$path cannot be read";
    push @files, "    {\\n" . join(",\\n", map { "      $_" }
      "\\"path\\": " . json_text($path), "\\"mode\\": \\"$mode\\"", "\\"sha256\\": \\"$sha256\\"") . "\\n    }";
  }
  my $lines = join ",\\n", "  \\"format\\": 1", "  \\"identity\\": \\"\\"", "  \\"by\\": " . json_text($by), "  \\"at\\": " . json_text($at),
    "  \\"lbctl\\": \\"\\"", "  \\"git\\": null", "  \\"restores\\": null", "  \\"files\\": [\\n" . join(",\\n", @files) . "\\n  ]";
  umask 077;
  open my $out, ">", "$dir/${keptManifest}" or die "$!";
  print $out "{\\n$lines\\n}\\n";
  close $out or die "$!";
' -- "$1" "$by" "$at"; }`;
