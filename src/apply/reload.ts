import { adminSocket, askInPerl, masterSocket } from "../haproxy/socket.ts";

/** Seconds that a new worker has until it must say that it loaded the configuration. */
const serveWithinSeconds = 15;

/**
 * Shell functions that reload HAProxy through the master's socket (Management Guide 4), or start it, and wait until a
 * new worker says that it loaded what it should. Waiting is one process that looks every 10 ms: a new worker serves
 * after some 30 ms, and starting a process for each look would take as long.
 */
export const reloadFunctions = `alerts() { # of the last start or reload
  journalctl -u "$service" -n 60 -o cat --no-pager 2>/dev/null |
    awk '/Reloading HAProxy|^Starting / { n = 0 } /ALERT/ { a[n++] = $0 } END { for (i = 0; i < n && i < 5; i++) print a[i] }'
}
# activate IDENTITY: reload (or start) and wait until a new worker says that it loaded it; "-" takes any new worker
activate() {
  save_state
  load_new "$1"
  set -- $?
  [ "$1" != 0 ] || drain_again
  forget_state
  return "$1"
}
load_new() {
  old=$(worker)
  if [ -n "$old" ]; then
    answer=$(ask ${masterSocket} reload)
    case $answer in Success=0*) echo "$answer"; return 1 ;; esac
  elif systemctl is-active -q "$service"; then
    systemctl reload "$service" 2>&1 || return 1
  else
    systemctl reset-failed "$service" 2>/dev/null
    systemctl start "$service" 2>&1 || { alerts; return 1; }
  fi
  wait_for_worker "$old" "$1"
  case $? in
    0) return 0 ;;
    3) echo "the new worker did not start:"; alerts ;;
    4) echo "HAProxy stopped:"; alerts ;;
    *) echo "the new worker did not answer within ${String(serveWithinSeconds)} s" ;;
  esac
  return 1
}
# wait_for_worker OLD IDENTITY: without a master's socket only the identity can tell a new worker from the old one
wait_for_worker() {
  perl -e '${askInPerl}
    my ($old, $want, $service) = @ARGV;
    my ($admin, $master) = ("${adminSocket}", "${masterSocket}");
    sub uptime { open my $file, "<", "/proc/uptime" or die; return (split " ", <$file>)[0] }
    my $until = uptime() + ${String(serveWithinSeconds)};
    for (my $turn = 1; uptime() < $until; $turn++) {
      my $new = "";
      if (-S $master) {
        my $workers = (ask($master, "show proc"))[0] // "";
        ($new) = $workers =~ /^([0-9]+) +worker /m or $new = $old;
        exit 3 if $workers =~ /\[failed: [1-9]/ && $new eq $old;
      }
      if (!-S $master || $new ne $old) {
        exit 0 if $want eq "-";
        my ($info, $why) = ask($admin, "show info");
        ($info, $why) = ask($master, "\@1 show info") if defined $why;
        exit 0 if ($info // "") =~ /^[Dd]escription: (.*)$/m && $1 eq $want;
      }
      exit 4 if $turn % 100 == 0 && system("systemctl", "is-active", "-q", $service);
      select undef, undef, undef, 0.01;
    }
    exit 5;
  ' -- "$1" "$2" "$service"
}`;
