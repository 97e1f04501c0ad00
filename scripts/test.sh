#!/bin/sh
# All tests: types, lint, formatting, unused code, unit tests, the comparison with Ansible, and the tests on real
# containers. What has to be left out is named, and in CI that is a failure.
set -eu
. "$(dirname "$0")/setup.sh"
. scripts/packages.sh
left_out=
leave_out() { left_out="$left_out
LEFT OUT: $1"; }
npx tsc
npm run --silent lint
npx vitest run --project unit
if command -v ansible-inventory >/dev/null; then
  npx vitest run --project ansible
else
  leave_out "the comparison of inventories with Ansible, which is not here (ansible-core)."
fi
# Containers last: they need Linux with root or sudo.
[ -t 0 ] && [ -t 2 ] && yes= || yes=--yes
if lbctl lab up $yes; then
  npx vitest run --project containers
  for tool in buildah mmdebstrap; do
    command -v $tool >/dev/null || leave_out "the container image, which needs Debian's package $tool."
  done
else
  leave_out "the tests on containers (apply, reload under load, status, drill), for the reason above."
fi
if [ -n "$left_out" ]; then
  echo "$left_out" >&2
  [ "${CI:-}" != true ] || exit 1
fi
