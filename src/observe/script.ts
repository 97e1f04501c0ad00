import { askInPerl } from "../haproxy/socket.ts";
import type { Role } from "../model/role.ts";
import { base64InPerl } from "../remote/base64.ts";
import { quote, quoteAll } from "../remote/shell.ts";
import { changedInPerl } from "./changed.ts";
import { dropInInPerl } from "./drop-in.ts";
import { keptManifest } from "./generations.ts";
import { lookInPerl } from "./look.ts";
import { pendingInPerl } from "./pending.ts";
import { systemInPerl } from "./system.ts";

/** The program on a host that goes back without lbctl; its second line is its mark. `resolve` is a link to it. */
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
if command -v perl >/dev/null; then perl -e '${askInPerl}${systemInPerl}${lookInPerl}${changedInPerl}${base64InPerl}${pendingInPerl}${dropInInPerl}${seeInPerl}' -- ${quote(role.live)} ${quote(role.state)} ${quote(role.service)} \\
  ${quoteAll(role.packages)} -- ${quoteAll(role.links)}
else printf '%s\\n' 'haproxy -' 'generation -' 'handmade no' 'dropin none'; fi # no Debian
echo "free $(stat -f -c '%a %S' /var/lib)"`;
}

/**
 * The identity that the worker reports, the system, the look, every file's mode and content, whose the set is, what lbctl
 * wrote there, and what changed since the worker loaded it.
 */
const seeInPerl = `
my ($live, $state, $service, @packages) = @ARGV;
my ($dashes) = grep { $packages[$_] eq "--" } 0 .. $#packages;
my @names = splice @packages, $dashes + 1; pop @packages;
my $info = (ask_worker("show info float"))[0] // "";
# of the configuration that it loaded: HAProxy notes the time before it reads a file
my ($start) = $info =~ /^Start_time_sec: ([0-9.]+)$/m;
print "uid $>\\n";
print "loaded $1\\n" if $info =~ /^[Dd]escription: (.*)$/m;
print_packages(@packages);
print_program();
print_service($service, $info =~ /^Pid: ([0-9]+)$/m);
my ($lines, @files, $manifest);
# an apply by somebody else may swap the set meanwhile
for (1 .. 3) {
  $seen = 0;
  ($lines, @files) = look($live, $state, @names);
  my ($current) = $lines->[0] =~ /^generation (.*)/;
  $manifest = content_of("$state/$current/manifest.json") // manifest_before($current);
  last if $current eq (readlink("$state/current") // "");
}
print map { "$_\\n" } "look", @$lines, "looked";
print "manifest ", base64($manifest // ""), "\\n";
for my $path (@files) {
  my (undef, undef, $mode, undef, undef, undef, undef, $size) = stat $path or lstat $path or next;
  my $content = $path !~ m{^certs/} && -f $path && $size <= ${String(sendAtMostBytes)} ? content_of($path) : undef;
  printf "file %o %s %s\\n", $mode & 07777, defined $content ? "=" . base64($content) : "-", $path;
  print_changed($path);
}
for my $name (@names) { print_changed($name, 1) if -l $name }
while (defined(my $path = <STDIN>)) {
  chomp $path;
  my ($line) = -f $path ? lines_of("sha256sum", "--", $path) : ();
  my ($sum) = ($line // "") =~ /([0-9a-f]{64})/;
  print "watched ", $sum // "-", " $path\\n";
  print_changed($path); print_changed($path, 1) if -l $path;
}
sub print_changed { print "changed $_[0]\\n" if defined $start && changed_after($start, @_) }
if (-x "/var/lib/lbctl/bin/resolve" && open my $console, "<", "${consolePath}") {
  <$console>; print "console $1\n" if (<$console> // "") =~ /^# ([0-9a-f]+)$/ }
print "dropin ", drop_in_state($service), "\n", map { "$_\n" } undecided($state, $service);
print "handmade ", (grep { is_own($_) } @$lines) ? "yes" : "no", "\\n";
# neither linked to a generation, nor empty, nor as the package ships it
sub is_own { my ($name, $kind) = $_[0] =~ /^link (.*) (\\w+)$/ or return 0;
  # a generation without a manifest is what was there before lbctl, after an adoption that did not hold
  return 0 if $kind eq "linked" && (defined $manifest || !-e $name);
  if (-d $name) { opendir my $folder, $name; return 2 < (() = readdir $folder) }
  return 1 if $kind eq "elsewhere";
  my %shipped = map { split " " } grep { /^ / } first_words("dpkg-query", "-W", "-f", "\\\${Conffiles}\\n", @packages);
  my ($sum) = first_words("md5sum", "--", $name);
  return (split " ", $sum // "-")[0] ne ($shipped{"$live/$name"} // ""); }
# of a generation that keeps what was edited by hand: what lbctl wrote before the edits
sub manifest_before { my $kept = content_of("$state/$_[0]/${keptManifest}") // "";
  return $kept =~ /^  "edited": ([0-9]+),$/m ? content_of("$state/generations/$1/manifest.json") : undef; }
sub first_words { return map { /^(\\s*\\S+ +\\S+)/ ? $1 : () } lines_of(@_) }
sub lines_of { open my $lines, "-|", @_ or return; return <$lines> }
sub content_of { open my $file, "<:raw", $_[0] or return undef; local $/; return <$file> // "" }
`;
