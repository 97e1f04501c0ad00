import { adminSocket, askFunction } from "../haproxy/socket.ts";
import type { Role } from "../model/role.ts";
import { quote, quoteAll } from "../remote/shell.ts";

/** Files larger than this are compared by their hash alone. */
const sendAtMostBytes = 262_144;

/** Shell functions that look at the live set; an apply uses the same to see whether it moved. */
export function liveFunctions(role: Role): string {
  return `live=${quote(role.live)} state=${quote(role.state)} service=${quote(role.service)}
link_state() {
  if [ -L "$live/$1" ]; then
    [ "$(readlink "$live/$1")" = "$state/current/$1" ] && echo linked || echo elsewhere
  elif [ -d "$live/$1" ]; then echo directory
  elif [ -e "$live/$1" ]; then echo file
  else echo missing; fi
}
live_files() { (cd "$live" 2>/dev/null && for l in ${quoteAll(role.links)}; do find -H "$l" -type f 2>/dev/null; done | sort); }
# "static", "alias" and the like count too, as systemctl itself has it
enabled() { systemctl is-enabled -q "$service" 2>/dev/null; }
digest() {
  { readlink "$state/current"; for l in ${quoteAll(role.links)}; do link_state "$l"; done
    cd "$live" 2>/dev/null && live_files | while IFS= read -r f; do sha256sum "$f"; done
  } 2>/dev/null | sha256sum | cut -d' ' -f1
}`;
}

/**
 * The read-only look at a host: one script, one round trip. Watched paths come on stdin, one a line.
 * It prints one fact a line, `name field…`, with whatever the host chose itself in base64.
 */
export function observeScript(role: Role): string {
  return `${liveFunctions(role)}
${askFunction}
b64() { base64 -w0; }
id=unknown version=unknown
[ -r /etc/os-release ] && id=$(. /etc/os-release; echo "$ID") version=$(. /etc/os-release; echo "$VERSION_ID")
echo "os $id $version"
for p in ${quoteAll(role.packages)}; do
  v=$(dpkg-query -W -f '\${db:Status-Status} \${Version}' "$p" 2>/dev/null)
  case $v in
    "installed "*) echo "package $p \${v#installed } -" ;;
    *) c=$(apt-cache policy "$p" 2>/dev/null | sed -n 's/^  Candidate: //p')
       [ "$c" = "(none)" ] && c=
       echo "package $p - \${c:--}" ;;
  esac
done
v=$(haproxy -v 2>/dev/null | sed -n 's/^HA-\\{0,1\\}Proxy version \\([0-9.]*\\).*/\\1/p')
echo "haproxy \${v:--}"
active=$(systemctl is-active "$service" 2>/dev/null)
echo "service \${active:-unknown} $(enabled && echo enabled || echo disabled)"
d=$(ask ${adminSocket} "show info" | sed -n 's/^[Dd]escription: //p')
echo "loaded $(printf %s "$d" | b64)"
g=$(readlink "$state/current" 2>/dev/null)
echo "generation \${g##*/}"
for l in ${quoteAll(role.links)}; do echo "link $l $(link_state "$l")"; done
live_files | while IFS= read -r f; do
  set -- $(sha256sum <"$live/$f") $(stat -L -c '%a %s' "$live/$f")
  c=-
  case $f in certs/*) ;; *) [ "$4" -le ${String(sendAtMostBytes)} ] && c==$(b64 <"$live/$f") ;; esac
  echo "file $(printf %s "$f" | b64) $1 $3 $c"
done
pristine=$(dpkg-query -W -f '\${Conffiles}\\n' ${quoteAll(role.packages)} 2>/dev/null | awk -v f="$live/haproxy.cfg" '$1 == f { print $2 }')
hand=no
for l in ${quoteAll(role.links)}; do
  s=$(link_state "$l")
  [ "$s" = file ] && [ "$(md5sum <"$live/$l" | cut -d' ' -f1)" != "$pristine" ] && hand=yes
  [ "$s" = directory ] && [ -n "$(ls -A "$live/$l")" ] && hand=yes
  [ "$s" = elsewhere ] && hand=yes
done
echo "handmade $hand"
while IFS= read -r w; do
  h=-; [ -f "$w" ] && h=$(sha256sum <"$w" | cut -d' ' -f1)
  echo "watched $(printf %s "$w" | b64) $h"
done
echo "digest $(digest)"
echo "free $(df -B1 --output=avail /var/lib | tail -n 1 | tr -d ' ')"`;
}
