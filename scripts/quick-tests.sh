#!/bin/sh
# The tests that need no containers: unit tests, and the comparison with Ansible where it is installed.
set -eu
cd "$(dirname "$0")/.."
node_modules/.bin/vitest run --project unit
if command -v ansible-inventory >/dev/null; then
  node_modules/.bin/vitest run --project ansible
fi
