import { leaseInPerl } from "../observe/lease.ts";
import { base64InPerl } from "../remote/base64.ts";

/** Seconds that a change whose lease has gone already may take to its end before somebody else is turned away. */
const commitSeconds = 5;

/**
 * The perl program that holds a lease: PATH ID OWNER REASON TTL, in ms. On its standard input lbctl says
 * `take MS` (wait so long for whoever has it), `go BYTES` and as many bytes, and now and then `beat`; the end of it, and
 * silence for TTL, mean that lbctl has gone. On its standard output the steps get TOKEN when it is held, BYTES behind it
 * on the same line where lbctl has said go already, else on one of its own when it does, and the bytes; or a dash when
 * there is nothing to do. Descriptor 8 takes the events.
 * A lock on the file says that the lease is held, for the kernel lets that go with the process, however it ends. One
 * whose last sign of life is too old is taken over, its holder killed: the token tells the steps of it.
 */
export const holderInPerl = `${base64InPerl}${leaseInPerl}${String.raw`
my ($path, $id, $owner, $reason, $ttl) = @ARGV;
$ttl /= 1000;
my ($in, $out, $heard, $marked, $broken) = ("", "", up(), 0, 0);
my ($asked, $until, $noted, $left, $greeted);
my ($lease, $number, $beat_at, $before, $token); # the token counts once no commit of before is under way
$SIG{TERM} = sub { $broken = 1 };
$SIG{PIPE} = "IGNORE";
open my $events, ">&=", 8 or die "$!\n";
fcntl STDOUT, 4, 2049; # F_SETFL O_WRONLY|O_NONBLOCK: slow steps must not hide what lbctl says
my ($room) = $path =~ m{^(.*)/};
mkdir $room, 0700; chmod 0700, $room;
refuse("$room cannot be made, or belongs to somebody else") unless lstat $room and -d _ && -o _;

while (1) {
  my ($read, $write, $full) = ("", "", length $out > 262144);
  $heard = up() if $full;
  vec($read, 0, 1) = $full ? 0 : 1;
  vec($read, 1, 1) = 1; # an error of the pipe, once the steps have ended
  vec($write, 1, 1) = length $out ? 1 : 0;
  my $pause = waits() ? 0.05 : $ttl - (up() - $heard) + 0.01;
  ($read, $write) = ("", "") if 1 > select $read, $write, undef, $pause > 0 ? $pause : 0;
  if (vec $read, 1, 1) { unlink "$path.committing" if $lease && commit_of($path) eq $number; exit }
  if ($broken) { leave("the lease was ended by " . broken_by()) }
  if (vec $write, 1, 1) { my $sent = syswrite STDOUT, $out, 65536; substr $out, 0, $sent, "" if $sent }
  if (vec $read, 0, 1) {
    sysread(STDIN, $in, 65536, length $in) or leave("");
    $heard = up();
  }
  if (up() - $heard > $ttl) { leave(sprintf "no word came from lbctl for %d s, so its lease ended", up() - $heard) }
  hear();
  if (waits()) { attempt(); hear() }
  if (defined $token && !$greeted) { $greeted = 1; $out .= "$token\n" }
  sign() if $heard - $marked > $ttl / 24;
}

sub waits { return defined $until && !defined $token }
sub event { syswrite $events, "event $_[0]\n" }
sub hear {
  until (waits()) {
    if ($left) { my $part = substr $in, 0, $left, ""; $left -= length $part; $out .= $part; last if $left }
    $in =~ s/^([a-z]+) ?([0-9]*)\n// or last;
    if ($1 eq "take") { ($asked, $until) = (up(), up() + $2 / 1000) }
    elsif ($1 eq "go") { $left = $2; $out .= ($greeted ? "" : "$token ") . "$left\n"; $greeted = 1 }
  } }
# the sign of life, for those who look at the lease and for lbctl; not while the steps have their say
sub sign { $marked = $heard;
  if ($lease) { sysseek $lease, $beat_at, 0; syswrite $lease, beat() }
  event("beat") if $left || !defined $left; }
sub beat { return sprintf "beat %015.2f\n", $heard }
sub attempt {
  my ($who, $words) = $lease ? () : try_take();
  ($who, $words) = ("commit", under_way($before)) if $lease && is_locked($path);
  if (!defined $who) { $token = $number; return }
  my $patience = $asked + ($who eq "commit" ? ${String(commitSeconds)} : 0);
  if (up() >= ($until > $patience ? $until : $patience)) {
    event("fail held " . base64($words));
    leave("");
  }
  event("note " . base64("waiting: $words")) unless $until == $asked || $who eq ($noted // "");
  $noted = $who; }
# nothing, or who has it: an id, and words
sub try_take {
  for (1 .. 20) {
    sysopen my $file, "$path.lease", 66, 0600 or refuse("$path.lease cannot be written: $!");
    if (flock $file, 6) { take($file); return }
    my $other = read_lease($path);
    if (lives($other)) {
      return ($other->{id}, held_by($other)) unless is_stale($other);
      kill "KILL", (split " ", $other->{holder})[0];
    }
    select undef, undef, undef, 0.01; # it is being taken, or let go
  }
  return ("-", "another lbctl is taking the lease of this host"); }
sub take { my ($file) = @_;
  $before = read_lease($path);
  $number = ($before->{token} // "") =~ /^([0-9]{1,15})$/ ? $1 + 1 : 1;
  my $head = join "", map { "$_\n" } "id $id", "owner $owner", "reason $reason", "token $number", "since " . clock(),
    "up " . up(), "ttl $ttl", "holder $$ " . start_of($$);
  truncate $file, 0;
  (syswrite($file, $head . beat()) // 0) == length $head . beat() or refuse("$path.lease cannot be written: $!");
  ($lease, $beat_at) = ($file, length $head); }
sub held_by { my ($other) = @_;
  return sprintf "%s has held the lease of this host for %d s (since %s), for %s %s; its id is %s", $other->{owner},
    up() - $other->{up}, $other->{since}, $other->{reason} =~ /^[aeiou]/ ? "an" : "a", @$other{qw(reason id)}; }
sub under_way { my ($other) = @_;
  return is_committing($path, $other) ? "the $other->{reason} that $other->{owner} began at $other->{since} is still under way"
    : "another lbctl is changing this host"; }
sub broken_by { open my $file, "<", "$path.broken" or return "somebody"; chomp(my $who = <$file> // ""); return $who }
# the lease falls with this process; a commit that has begun goes to its end, all else ends here
sub leave { my ($why) = @_;
  exit if defined $left && is_committing($path, { token => $token });
  event("fail lost " . base64($why)) if $why ne "";
  if (defined $left) { kill "TERM", steps() } else { syswrite STDOUT, "$out-\n" }
  exit; }
sub refuse { event("fail rejected " . base64($_[0])); leave("") }
# the other side of the pipe
sub steps { my $shell = getppid; open my $children, "<", "/proc/$shell/task/$shell/children" or return ();
  return grep { $_ != $$ } split " ", <$children> // ""; }
`}`;
