import { disarmFunction } from "./watchdog.ts";

/** Shell functions that undo a change whose swap has begun, after `applyFunctions`. */
export const goBackFunctions = `set_aside() { # what came
  for d in "$state/generations/$next" "$state/staging"; do
    [ -d "$d" ] || continue
    rm -rf "$state/rejected"
    mv -T "$d" "$state/rejected" 2>/dev/null
    return
  done
}
# go_back KIND WHY: restore the previous set, and prove that it serves. A worker that still serves is never killed:
# it runs the previous configuration, or one that HAProxy could not load anew. From the rename on nobody can confirm.
go_back() {
  event start restore
  going_back=1
  export going_back
  [ ! -e "$state/pending" ] || mv -T "$state/pending" "$state/reverting" 2>/dev/null
  point_to "$previous"
  [ "$1" != rolled-back ] || relink
  mend_links
  carry_certs "$state/generations/$next" "$state/$previous"
  set_aside
  if [ "$1" = rolled-back ]; then
    want=$(described "$state/$previous/haproxy.cfg")
    if ! out=$(check_config "$live/haproxy.cfg"); then
      give_up "$2
The previous configuration is back on disk, but it does not load: $out
$(what_runs)"
    elif ! out=$(activate "\${want:--}" 2>&1) && ! runs_previous; then
      [ -z "$(serving)" ] || give_up "$2
The previous configuration is back on disk, but HAProxy could not load it: $out
$(what_runs)"
      systemctl reset-failed "$service" 2>/dev/null
      systemctl restart "$service" 2>/dev/null || give_up "$2
The previous configuration is back on disk, but HAProxy does not run: $out"
    fi
  fi
  event done restore
  settle rolled-back "$2"
  disarm
  fail "$1" "$2"
}
${disarmFunction}
# a file in a link's place would stay live, whatever current says
relink() {
  for l in $links; do
    case $(link_state "$l") in linked | missing) ;; *) link "$l" "$(link_state "$l")" ;; esac
  done
}
# its process tells it from the one that came: what it loaded may call itself the same
runs_previous() {
  read -r of served 2>/dev/null <"/run/lbctl/$service.worker" || return 1
  [ "$of" = "\${token:--}" ] && [ -n "$served" ] && [ "$(serving)" = "$served" ]
}
what_runs() {
  if runs_previous; then echo "The old worker still serves."
  elif [ -n "$(serving)" ]; then echo "HAProxy still runs the configuration that did not hold."
  else echo "HAProxy does not run."; fi
}
give_up() { settle failed "$1"; fail failed "$1"; }
settle() { record "$1" "$2"; mv -T "$state/reverting" "$state/reverted" 2>/dev/null; }`;
