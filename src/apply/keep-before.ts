import { keptManifest } from "../observe/generations.ts";

/**
 * Shell functions, after `recordFunctions`: `keep_live DIR` copies what is live, `write_kept_manifest DIR` gives what
 * lbctl did not write a manifest of its files, by which going back there can be checked. Certificates are others', here as
 * everywhere. `$edited` is the number of the generation that was edited by hand, when it was; then it is removed like other
 * old ones.
 */
export const keepFunctions = `keep_live() {
  mkdir -m 755 "$1" || return 1
  for l in $links; do
    there="$live/$l"
    [ -e "$there" ] || there="$state/current/$l"
    # certificates are often links to where they are renewed
    if [ "$l" = certs ] && [ -d "$there" ]; then mkdir "$1/$l" && cp -a "$there/." "$1/$l/" || return 1
    elif [ -e "$there" ]; then cp -aL "$there" "$1/$l" || return 1
    elif [ "$l" != haproxy.cfg ]; then mkdir -m 755 "$1/$l" || return 1; fi
  done
  write_kept_manifest "$1"
}
# all live names are links to the current generation, and nothing in it is a link that a copy would have followed
is_live_whole() {
  for l in $links; do [ "$(link_state "$l")" = linked ] && [ -e "$live/$l" ] || return 1; done
  [ -z "$(find "$state/current/" -type l -not -path "$state/current/certs/*" | head -n 1)" ]
}
is_edited() { grep -q '^  "edited": [0-9]' "$1/${keptManifest}" 2>/dev/null; }
write_kept_manifest() { perl -e "use strict;$record_in_perl"'
  my ($dir, $by, $at, $edited) = @ARGV;
  my @files;
  open my $found, "-|", "find", $dir, "-type", "f", "-not", "-path", "$dir/certs/*", "-not", "-name", "${keptManifest}", "-printf", "%04m %P\\\\0" or die "find: $!";
  my @found = do { local $/ = "\\0"; map { chomp; $_ } <$found> };
  for (sort @found) {
    my ($mode, $path) = /^([0-7]{4}) (.*)\\z/s or next;
    open my $sum, "-|", "sha256sum", "--", "$dir/$path" or die "sha256sum: $!";
    my ($sha256) = (<$sum> // "") =~ /^\\\\?([0-9a-f]{64}) / or die "$path cannot be read";
    push @files, "    {\\n" . join(",\\n", map { "      $_" }
      "\\"path\\": " . json_text($path), "\\"mode\\": \\"$mode\\"", "\\"sha256\\": \\"$sha256\\"") . "\\n    }";
  }
  my $lines = join ",\\n", "  \\"format\\": 1", "  \\"identity\\": \\"\\"", "  \\"by\\": " . json_text($by), "  \\"at\\": " . json_text($at),
    "  \\"lbctl\\": \\"\\"", "  \\"git\\": null", "  \\"restores\\": null", "  \\"edited\\": " . ($edited || "null"), "  \\"files\\": [\\n" . join(",\\n", @files) . "\\n  ]";
  umask 077;
  open my $out, ">", "$dir/${keptManifest}" or die "$!";
  print $out "{\\n$lines\\n}\\n";
  close $out or die "$!";
' -- "$1" "$by" "$at" "\${edited-}"; }`;
