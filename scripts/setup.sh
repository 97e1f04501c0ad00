# Sourced by demo.sh and test.sh: Node 20.5 or newer, the packages, the bundle. Quick when all is there.
cd "$(dirname "$0")/.." || exit 1
# need_node MINOR WHO: of Node 20, or any newer one
need_node() {
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a == 20 && b >= process.argv[1]) ? 0 : 1)' "$1" && return
  echo "$2 Node 20.$1 or newer; this is $(node --version 2>&1)." >&2
  exit 1
}
need_node 5 "lbctl needs"
if ! cmp -s package-lock.json node_modules/.lbctl-lock; then
  echo "Installing npm packages ..." >&2
  npm ci --no-fund --no-audit --loglevel=error || exit 1
  cp package-lock.json node_modules/.lbctl-lock
fi
node scripts/build.mjs || exit 1
lbctl() { node bin/lbctl.js "$@"; }
