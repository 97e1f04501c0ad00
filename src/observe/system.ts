/**
 * Perl's part that tells what is installed, which HAProxy would run, and how the service stands. It reads what dpkg and
 * systemd would read, and asks them only where that does not settle it: their programs take as long as all else here.
 */
export const systemInPerl = `
sub print_packages { my (@packages) = @_;
  for my $package (@packages) {
    my $installed = installed($package);
    my ($candidate) = defined $installed ? () : qx{apt-cache policy "$package" 2>/dev/null} =~ /^  Candidate: ([0-9]\\S*)/m;
    print join(" ", "package", $package, $installed // "-", $candidate // "-"), "\\n";
  } }
# the status file of dpkg is the truth, unless dpkg is, or was, in the middle of something
sub installed { my ($package) = @_; my $text;
  opendir my $updates, "/var/lib/dpkg/updates";
  my $unfinished = grep { /^[0-9]/ } readdir $updates;
  if ($unfinished) { $text = qx{dpkg-query -s "$package" 2>/dev/null} }
  elsif (open my $status, "<", "/var/lib/dpkg/status") { local $/; $text = <$status> }
  while (($text // "") =~ /^Package: \\Q$package\\E\\n((?:.+\\n)*)/mg) {
    my $stanza = $1;
    return $1 if $stanza =~ /^Status: \\S+ \\S+ installed$/m && $stanza =~ /^Version: (\\S+)$/m;
  }
  return undef; }
# the package knows its version, unless another haproxy stands before it in the path
sub print_program {
  my ($folder) = grep { -x "$_/haproxy" } split /:/, $ENV{PATH};
  my $version = ($folder // "") eq "/usr/sbin" ? installed("haproxy") : undef;
  ($version) = defined $version ? $version =~ /^(?:[0-9]+:)?([0-9.]+)/
    : defined $folder ? qx{haproxy -v 2>/dev/null} =~ /^HA.*?version ([0-9][0-9.]*)/ : ();
  print "haproxy ", $version // "-", "\\n"; }
# PID: of the worker that answers, if one does
sub print_service { my ($service, $pid) = @_;
  my $cgroups = "";
  if ($pid && open my $file, "<", "/proc/$pid/cgroup") { local $/; $cgroups = <$file> // "" }
  my $units = "/etc/systemd/system";
  if ($cgroups =~ m{/\\Q$service\\E\\.service$}m && !-l "$units/$service.service" && wanted($units, $service)) {
    print "ActiveState=active\\nUnitFileState=enabled\\n";
  } else { print qx{systemctl show -p ActiveState -p UnitFileState "$service" 2>/dev/null} } }
# without glob, which loads a module
sub wanted { my ($units, $service) = @_;
  opendir my $names, $units or return 0;
  return grep { /\\.wants$/ && -e "$units/$_/$service.service" } readdir $names; }
`;
