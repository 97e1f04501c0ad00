/** The number of statx(2), by the machine that perl was built for; Debian's others have that of aarch64. */
const statxNumbers = "x86_64 => 332, i686 => 383, i586 => 383, arm => 397, powerpc64le => 383, s390x => 379";

/**
 * Perl's part that knows whether a file changed after an instant. What counts is the inode's change time, which nobody
 * can set back (inode(7)): a file that was edited, loaded and put back has its old content and even its old mtime.
 * perl tells whole seconds, and an apply stages and loads within one, so within that second the kernel is asked.
 */
export const changedInPerl = `
# START is in seconds with a fraction; a link is followed unless OWN
sub changed_after { my ($start, $path, $own) = @_;
  my $second = ($own ? lstat $path : stat $path)[10] // return 0;
  return $second > $start if $second != int $start;
  require Config;
  my ($machine) = $Config::Config{archname} =~ /^(\\w+)/;
  my %number = (${statxNumbers});
  my $answer = "\\0" x 256;
  # from the working directory, the link itself, its change time (statx(2))
  return 0 if $start !~ /[.]/ || syscall($number{$machine} // 291, -100, $path, $own ? 256 : 0, 128, $answer);
  my ($seconds, $nanoseconds) = unpack "x96 q L", $answer;
  return $seconds + $nanoseconds / 1e9 > $start; }
`;
