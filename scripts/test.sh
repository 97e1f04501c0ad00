#!/bin/sh
# All tests: types, lint, formatting, unused code, unit tests, the comparison with Ansible, and the tests on real
# containers. What has to be left out is named, and in CI that is a failure.
set -eu
. "$(dirname "$0")/setup.sh"
# what vitest and knip ask for
need_node 19 "\`npm run demo\` works here, but the tests need"
. scripts/packages.sh
left_out=
leave_out() { left_out="$left_out
LEFT OUT: $1"; }
# What failed is said once more at the end: the runs below go side by side, and their logs are long.
LBCTL_FAILURES=$(mktemp)
export LBCTL_FAILURES
trap 'rm -f "$LBCTL_FAILURES"' EXIT
# Where nobody is there to be asked, the lab comes up meanwhile, and what needs no containers runs beside what does.
lab= quick=
if ! { [ -t 0 ] && [ -t 2 ]; }; then
  lab_log=$(mktemp)
  quick_log=$(mktemp)
  nice node bin/lbctl.js lab up --yes >"$lab_log" 2>&1 &
  lab=$!
  trap 'for job in $lab $quick; do kill "$job" 2>/dev/null || :; done; rm -f "$lab_log" "$quick_log" "$LBCTL_FAILURES"' EXIT
  trap 'exit 130' INT TERM HUP
fi
lab_up() {
  [ -n "$lab" ] || { lbctl lab up; return; }
  wait "$lab" || { up=$?; lab=; cat "$lab_log" >&2; return $up; }
  lab=
  cat "$lab_log" >&2
}
npx tsc
npm run --silent lint
if [ -n "$lab" ]; then
  nice sh scripts/quick-tests.sh >"$quick_log" 2>&1 &
  quick=$!
else
  sh scripts/quick-tests.sh
fi
command -v ansible-inventory >/dev/null ||
  leave_out "the comparison of inventories with Ansible, which is not here (ansible-core)."
# Containers last: they need Linux with root or sudo.
failed= up=0
lab_up || up=$?
case $up in
0)
  sh scripts/containers.sh || failed=yes
  for tool in buildah mmdebstrap; do
    command -v $tool >/dev/null || leave_out "the container image, which needs Debian's package $tool."
  done
  ;;
# Incus cannot run here, or somebody said no
3 | 130) leave_out "the tests on containers (apply, reload under load, status, drill), for the reason above." ;;
*)
  echo "the lab did not come up, for the reason above" >>"$LBCTL_FAILURES"
  failed=yes
  ;;
esac
if [ -n "$quick" ]; then
  wait "$quick" || failed=yes
  quick=
  cat "$quick_log"
fi
if [ -n "$failed" ]; then
  printf '\nFAILED:\n' >&2
  cat "$LBCTL_FAILURES" >&2
  exit 1
fi
if [ -n "$left_out" ]; then
  echo "$left_out" >&2
  [ "${CI:-}" != true ] || exit 1
fi
