/**
 * Shell functions that carry drains, weights and check states over a reload (`server-state-file`, Configuration
 * Manual 3.1). HAProxy lets the file win over its configuration, so servers that the new one changes stay out of it.
 */
export const serverStateFunctions = `# server_lines CFG: each server, a tab, and all that its state rests on; default sections count for all servers
server_lines() {
  awk '
    /^[ \\t]*(#|$)/ { next }
    $1 ~ /^(global|defaults|frontend|backend|listen|resolvers|peers|userlist|mailers|program|ring|http-errors|cache|fcgi-app|log-forward|log-profile|crt-store|acme|traces)$/ {
      defaults = $1 == "defaults"; name = ($1 == "backend" || $1 == "listen") ? $2 : ""
      next
    }
    { $1 = $1 }
    name != "" && $1 == "server" { lines[name " " $2] = $0; next }
    ($1 == "timeout" ? $2 : $1 " " $2) ~ /check|chk|default-server/ {
      if (defaults) shared = shared ";" $0
      else if (name != "") checks[name] = checks[name] ";" $0
    }
    END {
      for (server in lines) {
        split(server, part, " "); rests = lines[server] checks[part[1]]
        if (match(rests, / track [^ ;]+/)) {
          tracked = substr(rests, RSTART + 7, RLENGTH - 7); sub("/", " ", tracked)
          split(tracked, other, " "); rests = rests lines[tracked] checks[other[1]]
        }
        print server "\\t" rests shared
      }
    }' "$1" | sort
}
described() { sed -n 's/^ *description //p' "$1" 2>/dev/null; }
# save_state: what the running worker knows of the servers that the live file leaves as they are; of the others only
# who was drained or in maintenance, as commands (bits 1 and 8 of srv_admin_state, Management Guide 9.3)
save_state() {
  again=
  work=$(mktemp -d) || return 0
  ask_worker "show info" "show servers state" >"$work/seen"
  runs=$(sed -n 's/^[Dd]escription: //p' "$work/seen")
  for old in "$state/$previous" "$state/rejected"; do
    [ -r "$old/haproxy.cfg" ] && [ "$(described "$old/haproxy.cfg")" = "$runs" ] || continue
    server_lines "$old/haproxy.cfg" >"$work/old"
    server_lines "$live/haproxy.cfg" >"$work/new"
    comm -12 "$work/old" "$work/new" | cut -f1 >"$work/same"
    awk -v list="$work/same" -v again="$work/again" '
      BEGIN { while ((getline line < list) > 0) same[line] = 1 }
      $0 == "1" { begun = 1 }
      !begun || !NF { next }
      $0 == "1" || /^#/ || ($2 " " $4) in same { print; next }
      int($7 / 8) % 2 { print "set server " $2 "/" $4 " state drain" >again }
      $7 % 2 { print "set server " $2 "/" $4 " state maint" >again }' "$work/seen" >"$work/state"
    [ ! -s "$work/again" ] || again=$(cat "$work/again")
    [ ! -s "$work/state" ] || write_state <"$work/state"
    break
  done
  rm -rf "$work"
}
# of a server that is gone HAProxy says so, and nothing is lost
drain_again() {
  printf '%s\n' "$again" | while IFS= read -r command; do
    [ -z "$command" ] || ask_worker "$command" >/dev/null
  done
}
# "1" is a state file without servers; a missing or empty one makes HAProxy warn
forget_state() { echo 1 | write_state; }
write_state() { cat >"$state/state/.servers" && chmod 644 "$state/state/.servers" && mv "$state/state/.servers" "$state/state/servers"; }`;
