import { askInPerl } from "../haproxy/socket.ts";
import { pendingInPerl } from "../observe/pending.ts";
import { carryOverInPerl, serverStateInPerl } from "./server-state.ts";

/**
 * What a host does without lbctl, as `resolve WORD`: systemd calls it by the watchdog (a token), before HAProxy starts
 * (`boot`) and around a reload (`save`, `saved`), the next change when it finds an older one (`overdue`). A change that
 * nobody confirmed is taken back by the transaction's own `go_back`.
 */
export const resolveFunctions = `resolve() {
  fail() { printf '%s\\n' "$2" >&2; [ "$1" = rolled-back ]; exit; }
  case \${1-} in
    boot) before_start ;;
    save) save_servers ;;
    saved) servers_saved ;;
    overdue) overdue ;;
    *[!0-9a-f]* | '') echo "usage: $0 TOKEN | boot | save | saved | overdue   (systemd and lbctl call it)" >&2; exit 3 ;;
    *) on_time "$1" ;;
  esac
}
# says FILE: what a record says, in variables; fails when there is none
says() {
  token= next= previous= phase= until=0 confirm= by= at= outcome=
  [ -e "$1" ] || return 1
  while read -r k v; do
    case $k in
      token) token=$v ;; next) next=$v ;; previous) previous=$v ;; until) until=$v ;;
      confirm) confirm=$v ;; by) by=$v ;; at) at=$v ;; outcome) outcome=$v ;;
      phase) case $v in committing | serving) phase=$v ;; esac ;;
    esac
  done <"$1"
}
this_boot() { read -r made 2>/dev/null <"/run/lbctl/$service.commit"; [ "\${made-}" = "$token" ]; }
# why nobody decided it
why() {
  if ! this_boot; then echo "the host rebooted before the change was confirmed"
  elif [ "$phase" = serving ]; then echo "not confirmed within $confirm s: the apply was killed on the host"
  else echo "the apply was killed on the host"; fi
}
# the host went down while it was written, before the swap
drop_torn() { [ -n "$phase" ] || { rm -f "$state/reverting"; exit 0; }; }
take_back() { # WHY
  drop_torn
  go_back rolled-back "$1"
}
on_time() {
  mkdir -p /run/lbctl
  exec 9>>"/run/lbctl/$service.lock"
  # a transaction that is alive has decided long ago; one that is stuck has no say any more
  flock -w 30 9
  if says "$state/pending" && [ "$token" = "$1" ]; then mv -T "$state/pending" "$state/reverting" 2>/dev/null; fi
  says "$state/reverting" && [ "$token" = "$1" ] || exit 0
  take_back "$(why)"
}
overdue() { # whoever asks holds the lock
  if says "$state/pending" && [ ! -e "$state/reverting" ]; then
    read -r uptime idle </proc/uptime
    left=$((until - \${uptime%%.*}))
    if [ -n "$phase" ] && this_boot && [ "$left" -gt 0 ]; then
      echo "the change to generation $next by $by at $at is not confirmed yet; it reverts by itself within $left s"
      exit
    fi
    mv -T "$state/pending" "$state/reverting" || exit
  fi
  says "$state/reverting"
  echo "the change to generation $next by $by at $at was never confirmed, and was reverted just now"
  take_back "$(why)" >&2
}
# HAProxy waits for this, so it only puts the set back. A transaction that lives sees it, and does the rest.
before_start() {
  [ ! -d "$state/state" ] || echo 1 >"$state/state/servers"
  # a release that was cut off
  mend_links
  if says "$state/pending"; then
    read -r starting 2>/dev/null <"/run/lbctl/$service.starting"
    [ "\${starting-}" != "$token" ] || exit 0
    mv -T "$state/pending" "$state/reverting" 2>/dev/null
  fi
  says "$state/reverting" || exit 0
  drop_torn
  point_to "$previous"
  relink
  mend_links
  mkdir -p /run/lbctl
  exec 9>>"/run/lbctl/$service.lock"
  flock -n 9 || exit 0
  out="HAProxy stopped or was restarted before the change was confirmed"
  this_boot || out=$(why)
  carry_certs "$state/generations/$next" "$state/$previous"
  set_aside
  settle rolled-back "$out"
  echo "$out: the previous configuration is back" >&2
}
save_servers() {
  mkdir -p /run/lbctl
  perl -e '${askInPerl}${serverStateInPerl}${carryOverInPerl}
    my ($live, $state, $previous, $service) = @ARGV;
    my ($pid) = ((ask_worker("show info"))[0] // "") =~ /^Pid: ([0-9]+)$/m;
    my @again = save_state($state, both_sides($live, $state, $previous));
    open my $file, ">", "/run/lbctl/$service.reload" or exit 1;
    print $file map { "$_\\n" } $pid // "-", @again;
  ' -- "$live" "$state" "$(readlink "$state/current")" "$service"
}
# a state that is old must not come back with a later reload
servers_saved() {
  perl -e '${askInPerl}${serverStateInPerl}${carryOverInPerl}${pendingInPerl}
    my ($state, $service) = @ARGV;
    open my $file, "<", "/run/lbctl/$service.reload" or exit;
    chomp(my ($old, @again) = <$file>);
    for (my $until = uptime() + 15; uptime() < $until; select undef, undef, undef, 0.02) {
      my ($pid) = ((ask_worker("show info"))[0] // "") =~ /^Pid: ([0-9]+)$/m;
      last if defined $pid && $pid ne $old;
    }
    ask_worker($_) for @again;
    write_state($state, "1");
    unlink "/run/lbctl/$service.reload";
  ' -- "$state" "$service"
}`;
