import { masterSocket } from "../haproxy/socket.ts";

/** What the steps call; whoever runs them elsewhere defines `event`, `note` and `fail` anew. */
export const applyFunctions = `event() { printf 'event %s\\n' "$*"; }
note() { event note "$(printf %s "$1" | base64 -w0)"; }
fail() { event fail "$1" "$(printf %s "$2" | base64 -w0)"; exit 1; }
disk_full() { df -P "\${1:-$state}" | awk 'NR == 2 && $4 < 1024 { print "\\nthe disk of " $6 " is full" }'; }
discard() { rm -rf "$state/staging"; fail "$@"; }
# the oldest first, without generation 0
generations() { ls "$state/generations" | grep -x '[1-9][0-9]\\{0,8\\}' | sort -n; }
newest() { # of all; in the shell itself, since every apply asks
  n=
  for g in "$state/generations"/*; do
    case \${g##*/} in *[!0-9]* | 0?* | ??????????*) ;; *) [ "\${g##*/}" -le "\${n:--1}" ] || n=\${g##*/} ;; esac
  done
  echo "$n"
}
described() { sed -n 's/^ *description \\(lbctl:[0-9a-f]*\\)$/\\1/p' "$1" 2>/dev/null; } # the identity in a file
# a transaction that validates learns how the service itself would load it
check='haproxy -Ws -f "$1" -c'
check_config() { eval "$check" 2>&1; }
# link NAME STATE: the live name becomes a link; what stood there is kept in replaced/, by the generation that came
link() {
  mkdir -p "$live" || return 1
  if [ "$2" != missing ]; then
    old=$state/replaced/$next
    mkdir -p "$old" || return 1
    # a number that was tried in vain may have something there already
    if [ "$2" = directory ]; then mv -T --backup=numbered "$live/$1" "$old/$1"
    else cp -aT --backup=numbered "$live/$1" "$old/$1"; fi || return 1
  fi
  ln -sfn "$state/current/$1" "$live/.$1.lbctl" && mv -T "$live/.$1.lbctl" "$live/$1"
}
point_to() { ln -sfn "$1" "$state/.current.lbctl" && mv -T "$state/.current.lbctl" "$state/current"; }
loaded() { ask_worker "show info" | sed -n 's/^[Dd]escription: //p'; }
worker() { ask ${masterSocket} "show proc" | awk '$2 == "worker" && $1 ~ /^[0-9]+$/ { print $1; exit }'; }
# of the worker, also where the master has no socket
serving() {
  set -- "$(worker)"
  [ -n "$1" ] && echo "$1" || ask_worker "show info" | sed -n 's/^Pid: //p'
}
# a name that was taken away to become a link, or a plain file, and is not there
mend_links() {
  for l in $links; do
    [ -e "$live/$l" ] || [ -L "$live/$l" ] || [ ! -e "$state/current/$l" ] || ln -s "$state/current/$l" "$live/$l"
  done
}
# carry_certs FROM TO: what others have put into certs/ of a set that was live, since it was copied
carry_certs() {
  [ "\${outcome-}" = changed ] || [ -n "\${carries-}" ] || return 0
  for f in "$1"/certs/* "$1"/certs/.[!.]*; do
    [ -e "$f" ] || [ -L "$f" ] || continue
    n=certs/\${f##*/}
    ! cut -c67- "$1/.sha256sums" 2>/dev/null | grep -qxF -e "$n" || continue
    cmp -s "$f" "$2/$n" || { mkdir -p "$2/certs" && cp -aT "$f" "$2/$n"; } || note "$f could not be copied to $2/certs"
  done
}`;
