#!/bin/sh
# The tests on containers, in two lanes side by side: those of the lab's load balancers, and those that have hosts of
# their own, whose output is shown at the end. Most of the time both wait: for boots, checks and timeouts.
set -u
cd "$(dirname "$0")/.." || exit 1
vitest=node_modules/.bin/vitest
# both lanes need both images, and only one may make them
node bin/lbctl.js lab up --yes --haproxy 3.0 >/dev/null || exit 1
log=$(mktemp) || exit 1
hosts=
trap '[ -z "$hosts" ] || kill "$hosts" 2>/dev/null; rm -f "$log"' EXIT
trap 'exit 130' INT TERM HUP
# drills measure: they go first where both want the processor
nice $vitest run --project hosts >"$log" 2>&1 &
hosts=$!
$vitest run --project containers
code=$?
wait $hosts || code=$?
hosts=
cat "$log"
exit $code
