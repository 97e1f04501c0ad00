#!/bin/sh
# One change after another under load, some broken and some cut off, on the lab's load balancer.
set -eu
. "$(dirname "$0")/setup.sh"
# as deep as tests/support, which finds the root from there
out=node_modules/.cache/soak.mjs
npx esbuild tests/soak/main.ts --bundle --platform=node --format=esm --packages=external --outfile=$out --log-level=warning
exec node $out "$@"
