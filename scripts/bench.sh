#!/bin/sh
# Speed side by side with Ansible, on containers of its own; `--quick` shows that it works and proves nothing.
set -eu
. "$(dirname "$0")/setup.sh"
for tool in ansible-playbook /usr/bin/python3; do
  command -v $tool >/dev/null || { echo "The bench needs $tool: apt-get install ansible" >&2; exit 1; }
done
out=node_modules/.cache/bench
npx esbuild bench/main.ts bench/relay.ts bench/scale.ts --bundle --platform=node --format=esm --packages=external \
  --outdir=$out --out-extension:.js=.mjs --log-level=warning
exec node $out/main.mjs "$@"
