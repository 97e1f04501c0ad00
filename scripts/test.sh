#!/bin/sh
# All tests: types, lint, formatting, unused code, unit tests, and the tests on real containers.
set -eu
. "$(dirname "$0")/setup.sh"
npx tsc
npm run --silent lint
npx vitest run --project unit
left_out=
if command -v ansible-inventory >/dev/null; then
  npx vitest run --project ansible
else
  left_out="LEFT OUT: the comparison of inventories with Ansible, which is not here (apt-get install ansible-core)."
fi
# Containers last: they need Linux with root or sudo. What is left out is named, and in CI that is a failure.
[ -t 0 ] && [ -t 2 ] && yes= || yes=--yes
if lbctl lab up $yes; then
  npx vitest run --project containers
else
  left_out="$left_out
LEFT OUT: the tests on containers (apply, reload under load, status, drill), for the reason above."
fi
if [ -n "$left_out" ]; then
  echo "$left_out" >&2
  [ "${CI:-}" != true ] || exit 1
fi
