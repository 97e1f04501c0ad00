/** Seconds after which a dry boot is killed, whatever becomes of lbctl. */
export const dryBootSeconds = 20;

/**
 * A perl program that starts the candidate for real where nothing can notice: with a network, mounts and process ids of
 * its own, which end with it. Its words are STAGING PROGRAM WORD…; it prints `began`, then one of `answers`,
 * `cannot WHY` (such a place cannot be made here) and `dead`, and after `dead` what HAProxy said; before `answers` a line
 * `missing PORT VARIABLE` for each port on which nothing listens.
 */
export const dryBootInPerl = String.raw`use strict;
$| = 1;
my ($staging, @command) = @ARGV;
my $room = "/run/lbctl";
my %is;
open my $facts, "<", "$staging/.expectations" or cannot("no expectations");
while (<$facts>) { chomp; my ($kind, $rest) = split " ", $_, 2; push @{$is{$kind}}, $rest }
print "began\n";
write_text("/proc/sys/net/ipv4/ip_nonlocal_bind", "1") or cannot("ip_nonlocal_bind: $!");
write_text("/proc/sys/net/ipv6/ip_nonlocal_bind", "1") if -e "/proc/sys/net/ipv6/ip_nonlocal_bind";

# what others listen to or look at, then the folders of sockets, then what takes the place of a file
my @mounts = map { "/dev/null $_ none bind 0 0" } grep { -e && !-d _ } @{$is{hide}};
my %folder; my @sockets = map { s/^[0-9]+ //r } @{$is{stats}}, @{$is{unix}};
for my $path (@sockets) {
  my $folder = $path =~ s{/[^/]*$}{}r;
  next unless -d $folder;
  cannot("there is a socket in $folder") unless $folder =~ m{^(?:/var)?/run/.|^/tmp/.|^/var/lib/haproxy(?:/|$)};
  push @mounts, "tmpfs $folder tmpfs mode=755 0 0" unless $folder{$folder}++;
}
if ($is{resolve} || $is{leave}) {
  mount_all("tmpfs $room tmpfs mode=755 0 0");
  if ($is{leave}) {
    my %leave = map { $_ => 1 } @{$is{leave}};
    open my $config, "<", "$staging/haproxy.cfg" or cannot("$!");
    my $number = 0;
    write_text("$room/haproxy.cfg", map { $leave{++$number} ? "\n" : $_ } <$config>) or cannot("$!");
    push @mounts, "$room/haproxy.cfg $staging/haproxy.cfg none bind 0 0";
  }
  if (open my $names, "<", "$staging/.names") {
    open my $hosts, "<", "/etc/hosts";
    write_text("$room/hosts", $hosts ? <$hosts> : (), "\n", <$names>) or cannot("$!");
    push @mounts, "$room/hosts /etc/hosts none bind 0 0" if -e "/etc/hosts";
  }
}
mount_all(@mounts) if @mounts;

# a pipe could fill up with warnings, and others may write to /tmp
open my $said, "+>", "$staging/.said" or cannot("$!");
unlink "$staging/.said";
my $pid = fork // cannot("$!");
if (!$pid) { open STDOUT, ">&", $said; open STDERR, ">&", $said; exec @command; exit 127 }
my ($stats) = map { s/^[0-9]+ //r } @{$is{stats}};
my $until = uptime() + 15;
my $ended = 0;
while (!$ended && uptime() < $until) {
  $ended = waitpid($pid, 1) == $pid;
  last if !$ended && (defined $stats ? answers($stats) : uptime() > $until - 14);
  select undef, undef, undef, 0.004 unless $ended;
}
if ($ended || uptime() >= $until) {
  kill "KILL", $pid;
  print "dead\n"; print "it did not answer within 15 s\n" unless $ended;
  seek $said, 0, 0; print grep { !/^\[(?:NOTICE|WARNING)\]/ } <$said>;
  exit;
}
my %ports = map { $_ => 1 } listening(2, "tcp"), listening(10, "tcp6");
for (@{$is{port}}) { my ($port) = split " "; print "missing $_\n" unless $ports{$port} || $is{leave} }
print "answers\n";
kill "KILL", $pid;

sub uptime { open my $file, "<", "/proc/uptime" or return 0; return (split " ", <$file>)[0] }
sub cannot { print "cannot $_[0]\n"; exit }
sub write_text { my ($path, @text) = @_; open my $file, ">", $path or return 0; print $file @text; return close $file }
# one process for all, which reads its table twice and so from no pipe
sub mount_all {
  write_text("$staging/.mounts", map { "$_\n" } @_) or cannot("$!");
  system("mount", "-a", "-T", "$staging/.mounts") == 0 or cannot("mount is not allowed"); }
# only a worker that has begun its work answers
sub answers { my ($socket, $answer);
  socket($socket, 1, 1, 0) && connect($socket, pack("S Z*", 1, $_[0])) or return 0;
  local $SIG{ALRM} = sub { die }; local $SIG{PIPE} = "IGNORE";
  return eval { alarm 5; syswrite $socket, "show info\n"; my $got = sysread $socket, $answer, 100; alarm 0; $got }; }
# ports of sockets in state 0A, which is LISTEN. The kernel is asked for those alone (sock_diag(7)): for its file it goes
# through the table of all connections of the machine.
sub listening { my ($family, $file) = @_; my (@ports, $answer);
  socket my $kernel, 16, 3, 4 or return listed($file);
  syswrite($kernel, pack("L S S L L C C C C L x48", 72, 20, 0x301, 1, 0, $family, 6, 0, 0, 1 << 10)) or return listed($file);
  while (sysread $kernel, $answer, 65536) {
    while (length $answer >= 16) {
      my ($length, $type) = unpack "L S", $answer;
      return @ports if $type == 3;
      return listed($file) if $type != 20 || $length < 24;
      push @ports, unpack "n", substr $answer, 20, 2;
      substr($answer, 0, ($length + 3) & ~3) = "";
    }
  }
  return listed($file); }
sub listed { open my $sockets, "<", "/proc/net/$_[0]" or return;
  return map { / [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A / ? hex $1 : () } <$sockets> }
`;
