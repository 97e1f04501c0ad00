# Sourced by test.sh: Debian's packages that only tests want. Says so, and asks where there is somebody to ask.
missing=
command -v ansible-inventory >/dev/null || missing="$missing ansible-core"
for tool in buildah mmdebstrap; do command -v $tool >/dev/null || missing="$missing $tool"; done
as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; elif [ -t 0 ]; then sudo "$@"; else sudo -n "$@"; fi; }
if [ -n "$missing" ] && command -v apt-get >/dev/null; then
  echo "The tests install Debian's packages$missing; apt-get purge removes them." >&2
  answer=y
  if [ -t 0 ] && [ -t 2 ]; then
    printf 'Go ahead? [y/N] ' >&2
    read -r answer || answer=n
  fi
  case $answer in
    [Yy]*)
      as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
        echo "They could not be installed." >&2
      ;;
  esac
fi
