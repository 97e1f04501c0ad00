import { generationsInPerl, historyInPerl } from "../observe/generations.ts";

/** Entries that stay in the history of a host. */
const keepEntries = 200;

/** Perl's part that appends an entry to the history. HEAD is its author and changes, as `head_of` makes it. */
export const recordInPerl = `${historyInPerl}
sub record { my ($state, $generation, $outcome, $reason, $head) = @_;
  my @lines = entries($state);
  push @lines, "{\\"generation\\":$generation,\\"outcome\\":\\"$outcome\\",\\"reason\\":" . json_text($reason) . ",$head}";
  splice @lines, 0, -${String(keepEntries)} if @lines > ${String(keepEntries)};
  umask 077;
  open my $file, ">", "$state/history.new" or return 0;
  print $file map { "$_\\n" } @lines;
  return close $file && rename "$state/history.new", "$state/history"; }
sub json_text { my ($text) = @_;
  $text =~ s/\\s+\\z//;
  return "null" if $text eq "";
  $text = substr($text, 0, 1500) . "..." if length $text > 1500;
  $text =~ s/[^ -~\\n]/?/g unless utf8::decode(my $copy = $text);
  $text =~ s/(["\\\\])/\\\\$1/g; $text =~ s/\\n/\\\\n/g; $text =~ s/[[:cntrl:]]/ /g;
  return "\\"$text\\""; }
# who did it, from a manifest; on the console there is none of the change
sub head_in { my ($dir) = @_; return $ENV{lbctl_head} // head_of(slurp("$dir/manifest.json") // ""); }
`;

/** A shell function `record OUTCOME REASON` that records what did not hold of generation `$next`, or what the console did. */
export const recordFunctions = `record_in_perl='${recordInPerl}'
record() { perl -e "use strict;$record_in_perl"'
  my ($state, $next, $outcome, $reason) = @ARGV;
  my $set = defined $ENV{lbctl_head} ? "$state/generations/$next" : "$state/rejected";
  # words of a file that is not for everybody may be secrets
  $reason =~ s/\\x27[^\\x27\\n]*\\x27/<secret>/g unless ((stat "$set/haproxy.cfg")[2] // 0) & 4;
  exit !record($state, $next, $outcome, $reason, head_in($set));
' -- "$state" "$next" "$1" "$2" || note "the history could not be written"; }`;

/** A shell function `problems_of DIR` that prints how a generation differs from its manifest, and fails when it does. */
export const problemsFunction = `problems_of() { perl -e 'use strict;${generationsInPerl}
  my @problems = problems_of(@ARGV); print join("; ", @problems), "\\n" if @problems; exit(@problems > 0);
' -- "$1"; }`;
