# Sourced by test.sh, after setup.sh: Debian's packages that only tests want. They go the lab's way, which says so, asks
# where there is somebody to ask, and takes them away again with `lbctl lab down --all`.
missing=
command -v ansible-inventory >/dev/null || missing="$missing ansible-core"
for tool in buildah mmdebstrap; do command -v $tool >/dev/null || missing="$missing $tool"; done
if [ -n "$missing" ] && command -v apt-get >/dev/null; then
  [ -t 0 ] && [ -t 2 ] && yes= || yes=--yes
  echo "The tests want Debian's packages$missing." >&2
  lbctl lab install $yes $missing || :
fi
