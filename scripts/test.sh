#!/bin/sh
# All tests: types, lint, formatting, unused code, unit tests, and the tests on real containers.
set -eu
. "$(dirname "$0")/setup.sh"
npx tsc
npm run --silent lint
npx vitest run --project unit
# Containers last: they need Linux with root or sudo. What is left out is named, and in CI that is a failure.
[ -t 0 ] && [ -t 2 ] && yes= || yes=--yes
if lbctl lab up $yes; then
  npx vitest run --project containers
  for tool in buildah mmdebstrap; do
    command -v $tool >/dev/null || echo "LEFT OUT: the container image, which needs Debian's package $tool." >&2
  done
else
  echo "LEFT OUT: the tests on containers (apply, reload under load, status, drill), for the reason above." >&2
  [ "${CI:-}" != true ] || exit 1
fi
