import type { Role } from "../model/role.ts";
import { quote, quoteAll } from "../remote/shell.ts";

/** More than this below the live set is no configuration: a link to elsewhere, a forgotten core dump. */
const mostFiles = 100_000;
const mostBytes = 1024 ** 3;

/** What the look says instead of an answer then. */
export const tooMuch = "lbctl-too-much";

/**
 * Perl's part that looks at the live set: which generation is current, what stands where a link belongs, and the sum of
 * every file, one a line. perl-base is Essential on Debian; one process does what would take the shell a dozen.
 * Files with a name that would not fit on a line, or is no UTF-8, are none of ours. Links to folders are followed at the top only.
 */
export const lookInPerl = `
use strict;
sub look { my ($live, $state, @names) = @_; my (@lines, @files);
  push @lines, "generation " . (readlink("$state/current") // "");
  return \\@lines unless chdir $live;
  for my $name (@names) {
    next unless lstat $name;
    my $kind = -d _ ? "directory" : "file";
    $kind = readlink($name) eq "$state/current/$name" ? "linked" : "elsewhere" if -l _;
    push @lines, "link $name $kind";
    push @files, files_below($name) if stat $name;
  }
  push @lines, map { -l $_ ? "symlink $_ " . readlink($_) : () } @files;
  my $bytes = 0;
  for my $file (@files) { $bytes += -s $file }
  die "${tooMuch}\\n" if $bytes > ${String(mostBytes)};
  for (my @left = @files; my @some = splice @left, 0, 500;) {
    open my $sums, "-|", "sha256sum", "--", @some or next;
    chomp(my @read = <$sums>);
    push @lines, @read;
  }
  return (\\@lines, @files); }
# of what was just looked at by stat or lstat
my $seen = 0;
sub files_below { my ($path) = @_;
  die "${tooMuch}\\n" if ++$seen > ${String(mostFiles)};
  return $path if -f _;
  return unless -d _ && opendir my $folder, $path;
  my @names = sort grep { !/^\\.\\.?$|[[:cntrl:]\\\\]/ && utf8::decode(my $copy = $_) } readdir $folder;
  # what a link points to may be changed elsewhere, and HAProxy reads it
  return map { lstat "$path/$_" ? -l _ ? "$path/$_" : files_below("$path/$_") : () } @names; }
`;

/** Where the role's files live, and a shell function `look` for them; an apply uses the same to see whether it moved. */
export function liveFunctions(role: Role): string {
  return `live=${quote(role.live)} state=${quote(role.state)} service=${quote(role.service)} links=${quote(role.links.join(" "))}
look() { perl -e '${lookInPerl}
  my ($lines) = look(@ARGV); print map { "$_\\n" } @$lines;
' -- "$live" "$state" ${quoteAll(role.links)} 2>/dev/null; }
# what stands at a live name, for \`link\`
link_state() {
  if [ -L "$live/$1" ]; then
    [ "$(readlink "$live/$1")" = "$state/current/$1" ] && echo linked || echo elsewhere
  elif [ -d "$live/$1" ]; then echo directory
  elif [ -e "$live/$1" ]; then echo file
  else echo missing; fi
}`;
}
