/** The worker's admin socket and the master's, where Debian's unit and lbctl's role put them. */
export const adminSocket = "/run/haproxy/admin.sock";
export const masterSocket = "/run/haproxy-master.sock";

/**
 * Perl's part that asks one command (Management Guide 9.3): one connection, read to the end of file, 10 s at most.
 * perl-base is Essential on Debian, so it is always there. The master keeps a connection open until it is told to
 * quit (9.4); a worker closes it after its answer, and must not be sent more. The numbers are AF_UNIX and SOCK_STREAM,
 * as every Linux but MIPS has them: loading perl's modules for them would take longer than all else here.
 */
export const askInPerl = `
use strict;
sub ask { my ($path, $command) = @_; my $all = "";
  my $ok = eval {
    local $SIG{ALRM} = sub { die "no answer within 10 s\\n" }; local $SIG{PIPE} = "IGNORE"; alarm 10;
    my $socket; socket($socket, 1, 1, 0) && connect($socket, pack("S Z*", 1, $path)) or die "$!\\n";
    my $words = $path eq "${masterSocket}" ? "$command\\nquit\\n" : "$command\\n";
    defined syswrite($socket, $words) or die "$!\\n";
    while (1) {
      my $got = sysread($socket, $all, 65536, length $all);
      defined $got or die "$!\\n"; last unless $got;
      die "an answer of more than 64 MB\\n" if length $all > 67108864;
    }
    alarm 0; 1 };
  my $why = $@; alarm 0;
  return ($all, undef) if $ok;
  $why =~ s/[^ -~]+/ /g; $why =~ s/ +$//; return (undef, "$path: $why"); }
# the admin socket can be lost while HAProxy runs, and a reload does not bring it back; the master takes each command
# of a line by itself
sub ask_worker { my ($command, $path) = @_; $path //= "${adminSocket}";
  my ($answer, $why) = ask($path, $command);
  return ($answer, $why) unless defined $why && $path eq "${adminSocket}";
  my ($instead, $neither) = ask("${masterSocket}", join ";", map { "\\@1 $_" } split /;/, $command);
  return defined $neither ? (undef, $why) : ($instead, undef); }
sub quoted { join "", map { "|$_\\n" } split /\\n/, $_[0] }
`;

/**
 * Shell functions that print HAProxy's answers, one after another, or fail: `ask SOCKET COMMAND…` and
 * `ask_worker COMMAND…`. Commands share one process, whose start costs more than their answers.
 */
export const askFunctions = `ask_in_perl='${askInPerl}
  sub answer { my ($answer, $why) = @_; exit 7 if defined $why; print $answer }
  '
ask() { perl -e "$ask_in_perl"'my $path = shift; answer(ask($path, $_)) for @ARGV;' -- "$@" 2>/dev/null; }
ask_worker() { perl -e "$ask_in_perl"'answer(ask_worker($_)) for @ARGV;' -- "$@" 2>/dev/null; }`;
