import { adminSocket, askFunction, masterSocket } from "../haproxy/socket.ts";
import type { Role } from "../model/role.ts";
import { quote, quoteAll } from "../remote/shell.ts";

/** Files larger than this are compared by their hash alone. */
const sendAtMostBytes = 262_144;

/** Shell functions that look at the live set; an apply uses the same to see whether it moved. */
export function liveFunctions(role: Role): string {
  const names = quoteAll(role.links);
  const linked = role.links.map((name) => `-name ${quote(name)} -lname "$state/current/"${quote(name)}`);
  return `live=${quote(role.live)} state=${quote(role.state)} service=${quote(role.service)}
link_state() {
  if [ -L "$live/$1" ]; then
    [ "$(readlink "$live/$1")" = "$state/current/$1" ] && echo linked || echo elsewhere
  elif [ -d "$live/$1" ]; then echo directory
  elif [ -e "$live/$1" ]; then echo file
  else echo missing; fi
}
# link_state of all that is there, in one process
links() {
  find ${names} -maxdepth 0 \\( ${linked.join(" -o ")} \\) -printf 'link %f linked\\n' \\
    -o -type l -printf 'link %f elsewhere\\n' -o -type d -printf 'link %f directory\\n' -o -printf 'link %f file\\n'
}
# a name that would not fit on a line is none of ours
files() { find -H ${names} -type f ! -path '*[[:cntrl:]\\\\]*' "$@"; }
look() {
  echo "generation $(readlink "$state/current")"
  cd "$live" && links && files -exec sha256sum {} +
} 2>/dev/null
# digest LOOK
digest() { d=$(printf '%s\\n' "$1" | sha256sum); echo "\${d%% *}"; }
# "static", "alias" and the like count too, as systemctl itself has it
enabled() { systemctl is-enabled -q "$service" 2>/dev/null; }`;
}

/**
 * The read-only look at a host: one script, one round trip. Watched paths come on stdin, one a line.
 * It prints one fact a line, `name field…`; what the host chose itself is in base64 or the rest of the line.
 * Every process costs a host about a millisecond, and a fleet as many times that, so the shell does what it can itself.
 */
export function observeScript(role: Role): string {
  return `${liveFunctions(role)}
${askFunction}
( ID=unknown VERSION_ID=unknown
[ -r /etc/os-release ] && . /etc/os-release
echo "os $ID $VERSION_ID" )
# side by side: each prints short lines, which do not mix
{ disk=
for p in ${quoteAll(role.packages)}; do
  v=$(dpkg-query -W -f '\${db:Status-Status} \${Version}' "$p" 2>/dev/null)
  case $v in
    "installed "*) v=\${v#installed }; echo "package $p $v -"; [ "$p" = haproxy ] && disk=\${v#*:} ;;
    *) c=$(apt-cache policy "$p" 2>/dev/null | sed -n 's/^  Candidate: //p')
       [ "$c" = "(none)" ] && c=
       echo "package $p - \${c:--}" ;;
  esac
done
# the package knows its version, unless another haproxy stands before it in the path
[ -n "$disk" ] && [ "$(command -v haproxy)" = /usr/sbin/haproxy ] || {
  v=$(haproxy -v 2>/dev/null)
  case $v in HA*version\\ [0-9]*) disk=\${v#*version } ;; *) disk= ;; esac
}
disk=\${disk%%[!0-9.]*}
echo "haproxy \${disk:--}"; } &
systemctl show -p ActiveState -p UnitFileState "$service" 2>/dev/null &
{ i=$(ask ${adminSocket} "show info" || ask ${masterSocket} "@1 show info")
case $i in *[Dd]"escription: "*) i=\${i#*escription: }; echo "loaded \${i%%"
"*}" ;; esac; } &
seen=$(look)
wait
printf '%s\\n' "$seen" "digest $(digest "$seen")"
cd "$live" 2>/dev/null && files -printf '%m %s %p\\n' 2>/dev/null | while read -r m s f; do
  c=-
  case $f in certs/*) ;; *) [ "$s" -le ${String(sendAtMostBytes)} ] && c==$(base64 -w0 <"$f") ;; esac
  echo "file $m $c $f"
done
hand=no
for l in ${quoteAll(role.links)}; do
  s=linked
  case $seen in *"link $l linked"*) ;; *) s=$(link_state "$l") ;; esac
  case $s in
    file)
      pristine=$(dpkg-query -W -f '\${Conffiles}\\n' ${quoteAll(role.packages)} 2>/dev/null | awk -v f="$live/haproxy.cfg" '$1 == f { print $2 }')
      [ "$(md5sum <"$live/$l" | cut -d' ' -f1)" = "$pristine" ] || hand=yes ;;
    directory) [ -z "$(ls -A "$live/$l")" ] || hand=yes ;;
    elsewhere) hand=yes ;;
  esac
done
echo "handmade $hand"
while IFS= read -r w; do
  h=-; [ -f "$w" ] && h=$(sha256sum <"$w") && h=\${h%% *}
  echo "watched $h $w"
done
echo "free $(stat -f -c '%a %S' /var/lib)"`;
}
