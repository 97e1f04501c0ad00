#!/bin/sh
# The crash matrix: each step of an apply × each fault, on the lab's load balancer.
set -eu
. "$(dirname "$0")/setup.sh"
# as deep as tests/support, which finds the root from there
out=node_modules/.cache/matrix.mjs
npx esbuild tests/matrix/main.ts --bundle --platform=node --format=esm --packages=external --outfile=$out --log-level=warning
exec node $out "$@"
