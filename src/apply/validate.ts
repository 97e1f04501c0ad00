import { base64InPerl } from "../remote/base64.ts";
import { dryBootInPerl, dryBootSeconds } from "./dry-boot.ts";
import { preflightInPerl } from "./preflight.ts";
import { unitInPerl, unitProperties } from "./unit.ts";

const mainInPerl = String.raw`
use strict; $| = 1;
my ($service, $live, $staging, $dry_boot) = @ARGV;
open my $result, ">&=", 3 or die; fcntl $result, 2, 1;
my $shown = started({}, "systemctl", "show", "-p", "${unitProperties}", $service);
my $held = started({}, "ss", "-Htulne");
# an older generation that is gone back to has none
my @facts; if (open my $expectations, "<", "$staging/.expectations") { chomp(@facts = <$expectations>) }
resolve(map { /^resolve (.*)/ ? $1 : () } @facts);

my ($program, $words, $env, $unit) = read_unit(scalar(all($shown)));
my $main = $unit->{MainPID} // 0;
my ($flags, $loads, @others) = with_config($words, "$live/haproxy.cfg", "$staging/haproxy.cfg");
if (!$loads || $program !~ m{/haproxy[^/]*$}) {
  note("$service does not start HAProxy with $live/haproxy.cfg itself: checked without its flags") if defined $program;
  ($program, $flags, $env, @others) = ("haproxy", ["-Ws", "-f", "$staging/haproxy.cfg"], {});
}
my $check = started($env, $program, @$flags, "-c");
my $boot = may_boot() ? booted() : undef;

my $failed = 0;
for (preflight(scalar(all($held)), $main, @facts)) { my ($line, @texts) = @$_; refuse("bind-preflight", $line, @texts) }
my ($said, $status) = all($check);
if ($status) { refuse("haproxy-check", "-", $said) } else { note($_) for grep { /^\[WARNING\]/ } split /\n/, $said }
judge(scalar(all($boot)), $status) if $boot;
unlink "$staging/.names", "$staging/.mounts", "$staging/.said";
# assignments of the shell, and no words of a program: they may be secret, and everybody sees those
print $result join " ", (map { "$_=" . quoted($env->{$_}) } grep { /^[A-Za-z_]\w*$/ } sort keys %$env), quoted($program),
  (map { $_ eq "$staging/haproxy.cfg" ? "\"\$1\"" : quoted($_) } @$flags), "-c";
exit $failed;

# started ENVIRONMENT WORD…: a handle on all that it will print
sub started { my ($env, @words) = @_;
  my $pid = open(my $out, "-|") // die "$!";
  return $out if $pid;
  open STDERR, ">&", \*STDOUT; @ENV{keys %$env} = values %$env;
  exec { $words[0] } @words or exit 127; }
sub all { my ($out) = @_; local $/; my $text = <$out> // ""; close $out; return wantarray ? ($text, $?) : $text }
sub refuse { my ($step, $line, @texts) = @_; $failed = 1;
  print join(" ", "event reject", $step, $line, map { base64($_) } @texts), "\n" }
sub note { print "event note ", base64($_[0]), "\n" }
sub quoted { return "\x27" . $_[0] =~ s/\x27/\x27\\\x27\x27/gr . "\x27" }

# without a network the dry boot cannot ask for names
sub resolve { my (@names) = @_; my (%lines, $name); return unless @names;
  for (split /\n/, all(started({}, "timeout", "5", "getent", "ahosts", @names))) {
    my ($address, undef, $alias) = split " ";
    $name = $alias if defined $alias;
    $lines{"$address $name\n"} = 1 if defined $name && $address =~ /^[0-9a-fA-F:.]+$/;
  }
  open my $file, ">", "$staging/.names" or return;
  print $file sort keys %lines; }
sub left_out { note("the dry boot is left out: $_[0]"); return 0 }
sub may_boot {
  my ($unsure) = map { /^unsure (.*)/ ? $1 : () } @facts;
  return left_out($unsure) if defined $unsure;
  return left_out("$service loads other files too: @others") if @others;
  return 1; }
# a reload has the limit of the master, a start that of the unit
sub booted { my $limit = $unit->{LimitNOFILE} // "";
  if ($main && open my $limits, "<", "/proc/$main/limits") { for (<$limits>) { $limit = $1 if /^Max open files +\S+ +(\S+)/ } }
  return started($env, "sh", "-c", "ulimit -n \"\$0\" 2>/dev/null || echo limited; exec \"\$\@\"", $limit,
    "timeout", "-s", "KILL", ${String(dryBootSeconds)}, "unshare", "-n", "-m", "-p", "-f", "--kill-child",
    "perl", "-e", $dry_boot, "--", $staging, $program, without_master(@$flags), "-db"); }
sub judge { my ($text, $refused) = @_; return if $refused;
  if ($text =~ /^answers$/m) {
    refuse("dry-boot", "-", "nothing listens on the port of $_") for $text =~ /^missing [0-9]+ (.*)$/mg;
  } elsif ($text =~ /^dead\n(.*)/ms) {
    my $said = $1;
    # names were judged by haproxy -c, which has a network, and a session may have lower limits than the service
    return left_out("it has no network to resolve names") if $said =~ /could not resolve address/;
    return left_out("the file descriptors of this session are limited") if $text =~ /^limited$/m && $said =~ /FD limit|maxconn/;
    return left_out("each bind is of an interface") if $said =~ /No enabled listener/ && grep { /^leave / } @facts;
    refuse("dry-boot", "-", $said);
  } else { left_out($text =~ /^(?:cannot |unshare: )(.*)/m ? $1 : "it did not end within ${String(dryBootSeconds)} s") } }
`;

/**
 * A shell function `validate` for the steps that need the host: `haproxy -c` with the service's own flags, the dry boot
 * and the bind preflight, side by side below one process. It prints an event for each finding and fails when there is
 * one; `check` becomes the command that checks configuration `$1` as the service would load it.
 */
export const validateFunction = `dry_boot='${dryBootInPerl}'
validate() { check=$(perl -e '${base64InPerl}${unitInPerl}${preflightInPerl}${mainInPerl}' -- \\
  "$service" "$live" "$state/staging" "$dry_boot" 3>&1 1>&4 4>&- 9>&-); } 4>&1`;
