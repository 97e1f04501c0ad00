import { adminSocket, askInPerl, masterSocket } from "../haproxy/socket.ts";
import type { Role } from "../model/role.ts";
import { base64InPerl } from "../remote/base64.ts";
import { quote, quoteAll } from "../remote/shell.ts";
import { lookInPerl } from "./look.ts";

/** Files larger than this are compared by their hash alone. */
const sendAtMostBytes = 262_144;

/**
 * The read-only look at a host: one script, one round trip. Watched paths come on stdin, one a line.
 * It prints one fact a line, `name field…`; what the host chose itself is in base64 or the rest of the line. What the
 * digest rests on stands between `look` and `looked`.
 * Every process costs a host one or two milliseconds, and a fleet as many times that.
 */
export function observeScript(role: Role): string {
  return `( ID=unknown VERSION_ID=unknown
[ -r /etc/os-release ] && . /etc/os-release
echo "os $ID $VERSION_ID" )
# side by side: each prints short lines, which do not mix
{ disk=
for p in ${quoteAll(role.packages)}; do
  v=$(dpkg-query -W -f '\${db:Status-Status} \${Version}' "$p" 2>/dev/null)
  case $v in
    "installed "*) v=\${v#installed }; echo "package $p $v -"; [ "$p" = haproxy ] && disk=\${v#*:} ;;
    *) c=$(apt-cache policy "$p" 2>/dev/null | sed -n 's/^  Candidate: //p')
       [ "$c" = "(none)" ] && c=
       echo "package $p - \${c:--}" ;;
  esac
done
# the package knows its version, unless another haproxy stands before it in the path
[ -n "$disk" ] && [ "$(command -v haproxy)" = /usr/sbin/haproxy ] || {
  v=$(haproxy -v 2>/dev/null)
  case $v in HA*version\\ [0-9]*) disk=\${v#*version } ;; *) disk= ;; esac
}
disk=\${disk%%[!0-9.]*}
echo "haproxy \${disk:--}"; } &
systemctl show -p ActiveState -p UnitFileState ${quote(role.service)} 2>/dev/null &
echo "free $(stat -f -c '%a %S' /var/lib)" &
seen=$(perl -e '${askInPerl}${lookInPerl}${seeInPerl}' -- ${quote(role.live)} ${quote(role.state)} \\
  ${quoteAll(role.packages)} -- ${quoteAll(role.links)} 2>/dev/null) || seen='generation -
handmade no' # no Debian: the first line says so
wait
printf '%s\\n' "$seen"
while IFS= read -r w; do
  h=-; [ -f "$w" ] && h=$(sha256sum <"$w") && h=\${h%% *}
  echo "watched $h $w"
done`;
}

/** The identity that the worker reports, the look, every file's mode and content, and whose the set is. */
const seeInPerl = `
my ($live, $state, @packages) = @ARGV;
my ($dashes) = grep { $packages[$_] eq "--" } 0 .. $#packages;
my @names = splice @packages, $dashes + 1; pop @packages;
my ($info, $why) = ask("${adminSocket}", "show info");
($info, $why) = ask("${masterSocket}", "\\@1 show info") if defined $why;
print "loaded $1\\n" if ($info // "") =~ /^[Dd]escription: (.*)$/m;
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
${base64InPerl}`;
