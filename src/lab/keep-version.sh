# keep-version.sh PACKAGE DEB: packs what dpkg has installed, by what is on every Debian. Archives drop old versions.
set -eu
export LC_ALL=C
umask 022
package=$1
deb=$2
[ ! -e "$deb" ] || exit 0
mkdir -p "$(dirname "$deb")"
work=$(mktemp -d "$deb.XXXXXX")
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir -p "$tree/DEBIAN"
cd "$work"

dpkg-query --control-list "$package" | while read -r name; do
  cp -p "$(dpkg-query --control-path "$package" "$name")" "$tree/DEBIAN/$name"
done
# the other fields of the status are dpkg's own
dpkg-query --status "$package" |
  awk '/^[^ ]/ { own = /^(Status|Conffiles|Config-Version|Triggers-(Pending|Awaited)):/ } !own' >"$tree/DEBIAN/control"

# A conffile that somebody changed stays out: dpkg would take the change for what the package came with, and a later
# version would overwrite it. Left out, it stays as it is.
dpkg-query -W -f '${Conffiles}\n' "$package" | while read -r file sum flag; do
  [ -n "$file" ] || continue
  if [ -z "$flag" ] && [ "$(md5sum <"$file")" = "$sum  -" ]; then echo "$file" >&3; else echo "$file" >&4; fi
done 3>same 4>changed 2>/dev/null
rm -f "$tree/DEBIAN/conffiles"
[ ! -s same ] || cp same "$tree/DEBIAN/conffiles"

# a line for each path: its name in the package, and where a diversion has put it
dpkg-query -L "$package" | awk '
  function flush() { if (path != "") print path "\t" real }
  /^package diverts others to: \// { next }
  /^(locally diverted|diverted by [^ ]+) to: \// { real = substr($0, index($0, "to: /") + 4); next }
  { flush(); path = real = $0 }
  END { flush() }' | grep -v '^/\.	' >listed || :
awk -F '\t' 'FILENAME == "changed" { changed[$0]; next } !($1 in changed)' changed listed >paths
{
  awk -F '\t' '{ path = $1; while (sub("/[^/]*$", "", path) && path != "") print path }' paths
  printf '%s\n' /bin /sbin /lib /lib32 /lib64 /libx32
} | sort -u >folders

tab=$(printf '\t')
while IFS=$tab read -r path real; do
  # a folder of the package may be a link on the machine, as /bin is where /usr is merged
  if [ -d "$real" ] && { [ ! -L "$real" ] || grep -qxF "$path" folders; }; then
    mkdir -p "$tree$path"
    chown --reference="$real/." "$tree$path"
    chmod --reference="$real/." "$tree$path"
  elif [ "$path" != "$real" ]; then
    cp -a "$real" "$tree$path"
  elif [ -e "$path" ] || [ -L "$path" ]; then
    echo ".$path"
  fi
done <paths >files
# one tar for all, so that hard links stay so
tar -C / -cf files.tar --no-recursion --verbatim-files-from -T files
tar -C "$tree" -xpf files.tar

dpkg-deb --build -Zgzip -z1 "$tree" "$work/made.deb" >/dev/null
mv "$work/made.deb" "$deb"
