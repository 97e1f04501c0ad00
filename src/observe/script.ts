import { askInPerl } from "../haproxy/socket.ts";
import type { Role } from "../model/role.ts";
import { base64InPerl } from "../remote/base64.ts";
import { quote, quoteAll } from "../remote/shell.ts";
import { lookInPerl } from "./look.ts";
import { systemInPerl } from "./system.ts";

/** The program on a host that goes back without lbctl; its second line is its mark. */
const consolePath = "/var/lib/lbctl/bin/rollback";

/** Files larger than this are compared by their hash alone. */
export const sendAtMostBytes = 262_144;

/**
 * The read-only look at a host: one script, one round trip. Watched paths come on stdin, one a line.
 * It prints one fact a line, `name field…`; what the host chose itself is in base64 or the rest of the line. What the
 * digest rests on stands between `look` and `looked`.
 * Every process costs a host one to six milliseconds, and a fleet as many times that.
 */
export function observeScript(role: Role): string {
  return `( ID=unknown VERSION_ID=unknown
[ -r /etc/os-release ] && . /etc/os-release
echo "os $ID $VERSION_ID" )
if command -v perl >/dev/null; then perl -e '${askInPerl}${systemInPerl}${lookInPerl}${base64InPerl}${seeInPerl}' -- ${quote(role.live)} ${quote(role.state)} ${quote(role.service)} \\
  ${quoteAll(role.packages)} -- ${quoteAll(role.links)}
else printf '%s\\n' 'haproxy -' 'generation -' 'handmade no'; fi # no Debian
echo "free $(stat -f -c '%a %S' /var/lib)"
while IFS= read -r w; do
  h=-; [ -f "$w" ] && h=$(sha256sum <"$w") && h=\${h%% *}
  echo "watched $h $w"
done`;
}

/** The identity that the worker reports, the system, the look, every file's mode and content, and whose the set is. */
const seeInPerl = `
my ($live, $state, $service, @packages) = @ARGV;
my ($dashes) = grep { $packages[$_] eq "--" } 0 .. $#packages;
my @names = splice @packages, $dashes + 1; pop @packages;
my $info = (ask_worker("show info"))[0] // "";
print "uid $>\\n";
print "loaded $1\\n" if $info =~ /^[Dd]escription: (.*)$/m;
print_packages(@packages);
print_program();
print_service($service, $info =~ /^Pid: ([0-9]+)$/m);
my ($lines, @files) = look($live, $state, @names);
print map { "$_\\n" } "look", @$lines, "looked";
for my $path (@files) {
  my (undef, undef, $mode, undef, undef, undef, undef, $size) = stat $path or next;
  my $shown = "-";
  if ($path !~ m{^certs/} && $size <= ${String(sendAtMostBytes)} && open my $file, "<:raw", $path) {
    local $/; $shown = "=" . base64(<$file> // "");
  }
  printf "file %o %s %s\\n", $mode & 07777, $shown, $path;
}
if (open my $console, "<", "${consolePath}") { <$console>; print "console $1\n" if (<$console> // "") =~ /^# ([0-9a-f]+)$/ }
print "handmade ", (grep { is_own($_) } @$lines) ? "yes" : "no", "\\n";
# neither linked to a generation, nor empty, nor as the package ships it
sub is_own { my ($name, $kind) = $_[0] =~ /^link (.*) (\\w+)$/ or return 0;
  return 0 if $kind eq "linked";
  if ($kind eq "directory") { opendir my $folder, $name; return 2 < (() = readdir $folder) }
  return 1 if $kind eq "elsewhere";
  my %shipped = map { split " " } grep { /^ / } first_words("dpkg-query", "-W", "-f", "\\\${Conffiles}\\n", @packages);
  my ($sum) = first_words("md5sum", "--", $name);
  return (split " ", $sum // "-")[0] ne ($shipped{"$live/$name"} // ""); }
sub first_words { open my $words, "-|", @_ or return ""; return map { /^(\\s*\\S+ +\\S+)/ ? $1 : () } <$words> }
`;
