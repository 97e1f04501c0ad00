import { createHash } from "node:crypto";
import type { Role } from "../model/role.ts";
import { askFunctions } from "../haproxy/socket.ts";
import { describedInPerl } from "../haproxy/description.ts";
import { generationsInPerl } from "../observe/generations.ts";
import { liveFunctions } from "../observe/look.ts";
import { version } from "../version.ts";
import { applyFunctions } from "./functions.ts";
import { goBackFunctions } from "./go-back.ts";
import { refuseUndecided } from "./pending.ts";
import { problemsFunction, recordFunctions } from "./record.ts";
import { activateFunction } from "./reload.ts";
import { resolveFunctions } from "./resolve.ts";
import { activators, takeLock, verifiers } from "./steps.ts";
import { verifyFunction } from "./verify.ts";

/**
 * The program on a host that goes back to a generation without lbctl, made of the transaction's own functions. It
 * points `current` at the old generation and copies nothing, since a host in trouble may have a full disk; so lists and
 * certificates go back as well. Called `resolve` it undoes what nobody confirmed. `mark` is its second line, by which
 * the next apply sees whether it is this one.
 */
export function hostProgram(role: Role): { readonly mark: string; readonly text: string } {
  const body = `${liveFunctions(role)}
${askFunctions}
${applyFunctions}
${goBackFunctions}
${activateFunction}
${recordFunctions}
${verifyFunction}
${problemsFunction}
${resolveFunctions}
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
event() { :; }
note() { printf '%s\\n' "$1" >&2; }
case \${0##*/} in resolve) resolve "$@"; exit ;; esac
${consoleFunctions}
${main(role)}
`;
  const mark = createHash("sha256").update(body).digest("hex").slice(0, 16);
  return { mark, text: `#!/bin/sh\n# ${mark}\n${body}` };
}

const consoleFunctions = `fail() { # with the exit codes of lbctl
  printf 'error: %s\\n' "$2" >&2
  case $1 in busy) exit 7 ;; rejected) exit 5 ;; rolled-back) exit 6 ;; *) exit 1 ;; esac
}
set_aside() { :; } # a generation stays where it is
people=1
usage() { echo "usage: $0 --list | $0 [N]   goes back to generation N, or to the one before the current one" >&2; exit 3; }
list() { perl -e 'use strict;${generationsInPerl}
  my ($state) = @ARGV;
  my ($current, $previous) = (current($state), previous($state));
  for my $number (reverse generations($state)) {
    my $manifest = manifest_of("$state/generations/$number");
    my $ours = -e "$state/generations/$number/manifest.json";
    my ($at, $by) = map { defined $manifest && $manifest =~ /^  "$_": "(.*)",?$/m ? $1 : "" } qw(at by);
    my $note = $number eq $current ? "current" : $number eq $previous ? "the one before" : "";
    $note = join ", ", grep { $_ ne "" } $note, !$ours ? $manifest =~ /^  "edited": [0-9]/m ? "edited by hand" : "before lbctl" : "", "damaged" x (defined $manifest && problems_of("$state/generations/$number") > 0);
    printf "%4d  %-24s  %-20s  %s\\n", $number, $at, $by, $note;
  }
' -- "$state"; }
previous() { perl -e 'use strict;${generationsInPerl} print previous(@ARGV)' -- "$state"; }
# the author and the changes of this run, as the history has them
head_here() { perl -e '
  my ($number, $lbctl) = @ARGV;
  open my $file, "<", "/proc/sys/kernel/hostname"; chomp(my $host = <$file> // "?");
  my ($s, $min, $h, $d, $m, $y) = gmtime;
  printf q("restores":%d,"by":"%s@%s (console)","at":"%04d-%02d-%02dT%02d:%02d:%02dZ","lbctl":"%s","git":null,"files":[]),
    $number, scalar getpwuid($<), $host, $y + 1900, $m + 1, $d, $h, $min, $s, $lbctl;
' -- "$1" "$2"; }`;

function main(role: Role): string {
  return `[ "$(id -u)" = 0 ] || fail rejected "this needs root"
[ $# -le 1 ] || usage
case \${1-} in
  --list) list; exit ;;
  *[!0-9]*) usage ;;
esac
[ -L "$state/current" ] || fail rejected "$state/current is gone: lbctl does not manage this host"
${takeLock}
${refuseUndecided}
previous=$(readlink "$state/current")
next=\${1:-$(previous)}
[ -n "$next" ] || fail rejected "there is no generation to go back to; see $0 --list"
set_dir="$state/generations/$next"
[ -d "$set_dir" ] || fail rejected "generation $next is not there; see $0 --list"
[ "generations/$next" != "$previous" ] || fail rejected "generation $next is the current one; see $0 --list"
out=$(problems_of "$state/$previous") || note "generation \${previous##*/} was edited by hand; the edits stay in $state/$previous: $out"
out=$(problems_of "$set_dir") || fail rejected "generation $next cannot be gone back to: $out"
out=$(check_config "$set_dir/haproxy.cfg") || fail rejected "$out"
for l in ${role.links.join(" ")}; do
  [ "$(link_state "$l")" = linked ] || fail rejected "$live/$l is no link of lbctl's, so going back would not change it"
done
identity=$(perl -e '${describedInPerl} print described(@ARGV)' -- "$set_dir/haproxy.cfg") outcome=rollback
lbctl_head=$(head_here "$next" ${version}); export lbctl_head
trap '' HUP INT TERM PIPE
echo "going back from \${previous##*/} to $next"
out=$(point_to "generations/$next" 2>&1) || go_back rejected "$state/current could not be changed: $out"
out=$(check_config "$live/haproxy.cfg") || go_back rejected "$out"
${activators[role.steps.activate]}
${verifiers[role.steps.verify]}
record "$outcome" ""
echo "generation $next serves"`;
}
