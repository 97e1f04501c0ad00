/** The worker's admin socket and the master's, where Debian's unit and lbctl's role put them. */
export const adminSocket = "/run/haproxy/admin.sock";
export const masterSocket = "/run/haproxy-master.sock";

/**
 * A shell function `ask SOCKET COMMAND` that prints HAProxy's answer, read to its end (Management Guide, "Unix
 * Socket commands"). perl-base is Essential on Debian, so it is always there; it gives up after 10 s.
 */
export const askFunction = `ask() {
  perl -MIO::Socket::UNIX -e '
    alarm 10;
    my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or exit 7;
    print $s "$ARGV[1]\\n"; $s->flush;
    print $b while sysread($s, $b, 65536);
  ' "$1" "$2" 2>/dev/null
}`;
