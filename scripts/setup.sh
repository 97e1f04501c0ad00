# Sourced by demo.sh and test.sh: Node 20 or newer, the packages, the bundle. Quick when all is there.
cd "$(dirname "$0")/.." || exit 1
if ! node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)'; then
  echo "lbctl needs Node 20 or newer; this is $(node --version)." >&2
  exit 1
fi
if ! cmp -s package-lock.json node_modules/.lbctl-lock; then
  echo "Installing npm packages ..." >&2
  npm ci --no-fund --no-audit --loglevel=error || exit 1
  cp package-lock.json node_modules/.lbctl-lock
fi
node scripts/build.mjs || exit 1
lbctl() { node bin/lbctl.js "$@"; }
