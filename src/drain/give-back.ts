import { askInPerl } from "../haproxy/socket.ts";
import { startInPerl } from "../observe/lease.ts";
import { drainsInPerl, setStateInPerl } from "./in-perl.ts";

/**
 * The program of a timer: STATE SERVICE TOKEN. It makes ready what its token stands for, and tries again until HAProxy
 * has done so, or was restarted, or somebody else has the say. A server is let go once its state was another in three
 * looks: a reload that was under way brings back what it had saved, or says a drain again a moment later.
 */
export const giveBackInPerl = String.raw`${askInPerl}${startInPerl}${drainsInPerl}${setStateInPerl}
my ($state, $service, $token) = @ARGV;
my %strange;
for (my $round = 1; ; $round++) {
  if (take_lock($service, 600)) {
    my @lines = drains($state);
    my @mine = grep { (split " ")[2] eq $token } @lines;
    last unless @mine;
    my ($admin) = admin_states();
    my (@done, %over);
    for (defined $admin ? @mine : ()) {
      my ($server, $to) = (split " ")[0, 5];
      if (!defined $admin->{$server}) { $over{$server} = 1 }
      elsif (!is_as($admin->{$server}, $to)) { $over{$server} = 1 if ++$strange{$server} > 2 }
      elsif (!defined set_state($server, "ready")) { delete $strange{$server}; push @done, $server }
    }
    write_drains($state, grep { my ($server, undef, $its) = split " "; !($its eq $token && $over{$server}) } @lines) if %over;
    system "logger", "-t", "lbctl", "--", "ready, as its time was over: @done" if @done;
    last if keys %over == @mine;
    close $lock;
  }
  sleep($round < 60 ? 1 : 30);
}
unlink $0;
`;
