/** After `override.conf`, which `systemctl edit` writes: the last one to say `ExecReload=` counts. */
export const dropInName = "zz-lbctl.conf";

/**
 * Perl's part that knows what lbctl's drop-in of the service should be: `drop_in SERVICE` returns its path and its text,
 * or nothing where there is no such unit. The lines of the unit and of drop-ins before it are taken over, lbctl's own
 * around them, so that it follows whatever a package brings: systemd.unit(5), systemd.service(5).
 */
export const dropInInPerl = String.raw`
sub drop_in { my ($service) = @_; my (%drop_in, %lines);
  my @folders = map { "$_/systemd/system" } qw(/etc /run /usr/local/lib /usr/lib /lib);
  my ($unit) = grep { -f } map { "$_/$service.service" } @folders or return;
  for my $folder (map { "$_/$service.service.d" } reverse @folders) {
    opendir my $names, $folder or next;
    $drop_in{$_} = "$folder/$_" for grep { /^[^.].*\.conf$/ } readdir $names;
  }
  for my $file ($unit, map { $drop_in{$_} } grep { $_ lt "${dropInName}" && $_ ne "lbctl.conf" } sort keys %drop_in) {
    open my $in, "<", $file or next;
    my $text = join "", <$in>; $text =~ s/\\\n/ /g;
    while ($text =~ /^[ \t]*(ExecStartPre|ExecReload)[ \t]*=[ \t]*(.*?)[ \t]*$/mg) {
      if ($2 eq "") { $lines{$1} = [] } else { push @{$lines{$1}}, "$1=$2" }
    }
  }
  my $resolve = sub { "$_[0]=-+/usr/bin/timeout -s KILL $_[1] /var/lib/lbctl/bin/resolve $_[2]" };
  return ("/etc/systemd/system/$service.service.d/${dropInName}", join "", map { "$_\n" }
    "# This file is lbctl\x27s: what is changed here is overwritten. lbctl release removes it.", "[Service]",
    "# a change that nobody confirmed is undone before the service starts",
    "ExecStartPre=", $resolve->("ExecStartPre", 20, "boot"), @{$lines{ExecStartPre} // []},
    "# drains, weights and check states outlive a reload",
    "ExecReload=", $resolve->("ExecReload", 10, "save"), @{$lines{ExecReload} // []},
    $resolve->("ExecReload", 20, "saved")); }
sub drop_in_state { my ($path, $text) = drop_in(@_) or return "none";
  open my $file, "<", $path or return "missing";
  return join("", <$file>) eq $text ? "same" : "different"; }
`;

/** A shell function that writes the drop-in, and has systemd read it. It prints why it could not. */
export const placeDropIn = `place_drop_in() {
  perl -e 'use strict;${dropInInPerl}
    my ($path, $text) = drop_in(@ARGV) or die "there is no unit of that name\\n";
    my $folder = $path =~ s{/[^/]*$}{}r; mkdir $folder, 0755; chmod 0755, $folder;
    open my $file, ">", "$path.lbctl" or die "$path: $!\\n"; print $file $text; close $file or die "$path: $!\\n";
    chmod 0644, "$path.lbctl"; rename "$path.lbctl", $path or die "$path: $!\\n";
    unlink "$folder/lbctl.conf"; # the name that older lbctl gave it
  ' -- "$service" 2>&1 && systemctl daemon-reload 2>&1
}`;
