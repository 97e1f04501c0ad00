import { askFunctions, masterSocket } from "../haproxy/socket.ts";
import type { HostPlan } from "../model/host.ts";
import type { Role } from "../model/role.ts";
import { placeDropIn } from "../observe/drop-in.ts";
import { liveFunctions } from "../observe/look.ts";
import { quote, quoteAll } from "../remote/shell.ts";
import { keepEdits } from "./keep-edits.ts";
import { awaitLease } from "./lease.ts";
import { carryCerts } from "./others.ts";
import { problemsFunction, recordFunctions } from "./record.ts";
import { activateFunction } from "./reload.ts";
import { awaitFunction, confirmOrGoBack, refuseUndecided, writePending, type Commit } from "./pending.ts";
import { scriptOf, type Step } from "./transaction.ts";
import { validateFunction } from "./validate.ts";
import { verifyFunction } from "./verify.ts";
import { armWatchdog, disarmFunction, watchdogArmed } from "./watchdog.ts";

/** A generation that is gone back to. */
export interface CopiedGeneration {
  readonly generation: number;
  /** Names in the live directory that are copied from there, as they are today. */
  readonly stays: readonly string[];
  /** Certificates that others put there while it is made come along. */
  readonly carries: boolean;
}

/** What the steps need to know; every value is lbctl's own or checked. */
export interface StepContext {
  readonly role: Role;
  readonly plan: HostPlan;
  /** `ObservedHost.digest` that the plan rests on. */
  readonly digest: string;
  readonly identity: string;
  /** The generation that is gone back to; null when the set comes along. */
  readonly from: CopiedGeneration | null;
  /** What the current manifest names in `certs/`; the rest there is others', and comes along. */
  readonly ownCerts: readonly string[];
  /** Generations to keep. */
  readonly keep: number;
  readonly commit: Commit;
}

/**
 * The transaction, in order. Up to `validate` nothing that is live is touched. From `swap` on a failure restores the
 * previous set, and so does the host itself when nobody confirms.
 */
export const steps: readonly Step<StepContext>[] = [
  {
    name: "lease",
    text: "taking the lease",
    script: ({ digest }) => awaitLease(`${unmoved(digest)} || fail ${moved}`),
  },
  {
    name: "lock",
    text: "taking the lock",
    script: () => `${takeLock}\n${refuseUndecided}\n${onLoss}`,
  },
  {
    name: "stage",
    text: "staging the files",
    script: ({
      from,
      role,
      ownCerts,
    }) => `out=$(install -d -m 755 /var/lib/lbctl "$state" "$state/generations" "$state/state" 2>&1) || fail rejected "$state could not be made: $out"
[ -s "$state/state/servers" ] || { echo 1 >"$state/state/servers"; chmod 644 "$state/state/servers"; }
[ ! -e "$state/staging" ] || rm -rf "$state/staging"
out=$(mkdir -m 755 "$state/staging" 2>&1) || fail rejected "$state/staging could not be made: $out"
${from === null ? carryCerts(role, ownCerts) : copyGeneration(from)}${unpack} || discard rejected "the files could not be written: $out$(disk_full)"
${placeConsole}
${from === null ? sumsMatch : copyMatches}`,
  },
  {
    name: "validate",
    text: "validating with the host's HAProxy",
    script: ({ role }) => validators[role.steps.validate],
  },
  {
    name: "recheck",
    text: "checking that nothing moved",
    script: ({ digest, commit }) => `${armWatchdog(commit.confirmSeconds)}\n${recheck(digest)}`,
  },
  {
    name: "keep",
    text: "keeping what stood there before as a generation",
    // 0 before the first apply; a higher one after a release, and after an adoption that ended here
    script: () => `managed=
for l in $links; do
  case $seen in *"
link $l linked"*) managed=yes ;; esac
done
if [ ! -L "$state/current" ] || { [ -z "$managed" ] && [ -e "$live/haproxy.cfg" ]; }; then
  newest=$(newest)
  if [ -z "$newest" ] || [ -e "$live/haproxy.cfg" ]; then
    newest=$((\${newest:--1} + 1))
    rm -rf "$state/generations/.kept"
    mkdir -m 755 "$state/generations/.kept"
    for l in $links; do
      if [ -e "$live/$l" ]; then out=$(cp -aL "$live/$l" "$state/generations/.kept/" 2>&1) || discard failed "the old files could not be kept: $out"
      elif [ "$l" != haproxy.cfg ]; then mkdir -m 755 "$state/generations/.kept/$l"; fi
    done
    mv -T "$state/generations/.kept" "$state/generations/$newest"
  fi
  point_to "generations/$newest"
fi`,
  },
  {
    name: "guard",
    text: "arming what undoes it",
    script: ({ plan }) => `${watchdogArmed}${plan.dropIn === null ? "" : dropInPlaced}`,
  },
  {
    name: "swap",
    text: "putting the new set in place",
    // From here on it finishes or goes back, even when the link is cut.
    script: ({ plan }) => `previous=$(readlink "$state/current")
newest=$(newest)
[ -n "$previous" ] && [ -n "$newest" ] || discard failed "$state/generations cannot be read"
next=$((newest + 1))
${keepEdits(plan)}trap '' HUP INT TERM PIPE
${writePending}
begin_commit 2>/dev/null || { rm -f "$state/pending"; discard rejected "$lease.committing could not be written: $(disk_full /run/lbctl)"; }
for l in $links; do
  case $seen in *"
link $l linked"*) continue ;; esac
  out=$(link "$l" "$(link_state "$l")" 2>&1) || go_back rejected "$live/$l could not become a link: $out"
done
out=$(mv -T "$state/staging" "$state/generations/$next" 2>&1) || go_back rejected "the new set could not be put in place: $out"
out=$(point_to "generations/$next" 2>&1) || go_back rejected "the new set could not be put in place: $out"
carry_certs "$state/$previous" "$state/generations/$next"
${checkLivePaths}`,
  },
  {
    name: "reload",
    text: "reloading HAProxy",
    script: ({ role, plan }) => (plan.activate === null ? ":" : activators[role.steps.activate]),
  },
  {
    name: "verify",
    text: "checking that the new worker serves, and its servers",
    script: ({ role, plan }) => `${verifiers[role.steps.verify]}${plan.enable ? enableService : ""}`,
  },
  {
    name: "confirm",
    text: "confirming over a new connection",
    script: () => confirmOrGoBack,
  },
  {
    name: "prune",
    text: "removing old generations",
    // Never one without a manifest, which is what the operator had before. The decision goes to the disk meanwhile.
    script: ({ keep }) => `sync -f "$state" </dev/null >/dev/null 2>&1 9>&- &
disarm
old=$(generations | head -n -${String(keep)})
for g in $old; do
  [ ! -e "$state/generations/$g/manifest.json" ] || [ "generations/$g" = "$(readlink "$state/current")" ] || rm -rf "$state/generations/$g"
done`,
  },
];

export const takeLock = `[ -d /run/lbctl ] || mkdir -p /run/lbctl
exec 9>"/run/lbctl/$service.lock"
flock -n 9 || fail busy "another lbctl is changing this host"`;

/** A lease that is lost before the swap ends the steps, and a link that is. */
export const onLoss = "trap abandon HUP INT TERM PIPE";

/** `seen` is what is there now. */
export function recheck(digest: string): string {
  return `fence
${unmoved(digest)} || discard ${moved}`;
}

export function unmoved(digest: string): string {
  return `seen=$(look)
[ "$(printf '%s\\n' "$seen" | sha256sum)" = ${quote(`${digest}  -`)} ]`;
}
export const moved = `busy "the configuration on this host was changed since it was looked at; nothing was touched"`;

/** The set comes out of stdin, and a dot for each 40 KiB goes back: over a slow link that is progress, and silence is not. */
export const unpack = `{ out=$(head -c "$bytes" | tar -x --no-same-owner -p --checkpoint=.4 -f - -C "$state/staging" 2>&1 >&4 4>&-); s=$?; echo; [ "$s" = 0 ]; } 4>&1`;

/** What names files by their live paths was validated with the files that stood there before. */
const checkLivePaths = `! grep -qF "$live/" "$live/haproxy.cfg" || out=$(check_config "$live/haproxy.cfg") || go_back rejected "$out"`;

const sumsMatch = `out=$(cd "$state/staging" && sha256sum --quiet -c .sha256sums 2>&1) || discard failed "the files did not arrive whole: $out"`;
const copyMatches = `out=$(problems_of "$state/staging") || discard busy "what was copied is not what was looked at: $out"`;

/** The staged set is a copy of a generation that is whole; what stays is today's, and the tar brings its manifest. */
function copyGeneration({ generation, stays }: CopiedGeneration): string {
  return `old="$state/generations/${String(generation)}"
out=$(problems_of "$old") || discard rejected "generation ${String(generation)} cannot be gone back to: $out"
out=$(cp -a --reflink=auto "$old/." "$state/staging/" 2>&1) || discard rejected "generation ${String(generation)} could not be copied: $out$(disk_full)"
rm -f "$state/staging/.sha256sums" # the new ones say that the tar came to its end
for l in ${quoteAll(stays)}; do
  [ -d "$live/$l" ] || continue
  out=$(rm -rf "\${state:?}/staging/$l" 2>&1 && cp -aL --reflink=auto "$live/$l" "$state/staging/$l" 2>&1) || discard rejected "$live/$l could not be copied: $out$(disk_full)"
done
`;
}

/** The way back without lbctl comes along when the host has another one, or none; the watchdog calls it, too. */
const placeConsole = `if [ -e "$state/staging/.rollback" ]; then
  out=$({ mkdir -p -m 700 /var/lib/lbctl/bin && chmod 700 "$state/staging/.rollback" &&
    mv -T "$state/staging/.rollback" /var/lib/lbctl/bin/rollback && ln -sfn rollback /var/lib/lbctl/bin/resolve; } 2>&1) ||
    discard rejected "/var/lib/lbctl/bin could not be written: $out"
fi`;

const dropInPlaced = `
out=$(place_drop_in) || discard rejected "the drop-in of $service could not be written: $out"`;

// The built-in steps that a role may name.
const validators: Readonly<Record<Role["steps"]["validate"], string>> = {
  "haproxy-check": `validate || discard rejected "the candidate could not be validated"`,
};
export const activators: Readonly<Record<Role["steps"]["activate"], string>> = {
  "haproxy-reload": `gate=$(activate "$identity" 2>&1) || go_back rolled-back "$gate"`,
};
export const verifiers: Readonly<Record<Role["steps"]["verify"], string>> = {
  "haproxy-serving": `{ out=$(verify "$identity"); } 4>&1
[ -z "$out" ] || go_back rolled-back "$out"`,
};
const enableService = `
systemctl enable -q "$service" 2>/dev/null || note "$service could not be enabled at boot"`;

/** The one script of an apply: functions, then each step between its events. */
export function applyScript(context: StepContext): string {
  const { token, confirmSeconds, by, at } = context.commit;
  return `${liveFunctions(context.role)}
${askFunctions}
${applyFunctions}
${activateFunction}
${recordFunctions}
${verifyFunction}
${awaitFunction}
${validateFunction}
${context.plan.dropIn === null ? "" : placeDropIn}
${context.from === null ? "" : problemsFunction}
identity=${quote(context.identity)} outcome=${context.from === null ? "changed" : "rollback"} carries=${context.from?.carries ? "yes" : ""}
token=${quote(token)} confirm=${String(confirmSeconds)} by=${quote(by)} at=${quote(at)}
export token
${scriptOf(steps, context)}`;
}

/** Installs the role's packages by apt's ordinary path; a configuration file of the operator's stays. */
export function installScript(packages: readonly string[]): string {
  return `export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef "$@" </dev/null 2>&1; }
apt update && apt install -y --no-install-recommends ${quoteAll(packages)}`;
}

/** What the steps call; whoever runs them elsewhere defines `event`, `note` and `fail` anew. */
export const applyFunctions = `event() { printf 'event %s\\n' "$*"; }
note() { event note "$(printf %s "$1" | base64 -w0)"; }
fail() { event fail "$1" "$(printf %s "$2" | base64 -w0)"; exit 1; }
disk_full() { df -P "\${1:-$state}" | awk 'NR == 2 && $4 < 1024 { print "\\nthe disk of " $6 " is full" }'; }
discard() { rm -rf "$state/staging"; fail "$@"; }
# the oldest first, without generation 0
generations() { ls "$state/generations" | grep -x '[1-9][0-9]\\{0,8\\}' | sort -n; }
newest() { # of all; in the shell itself, since every apply asks
  n=
  for g in "$state/generations"/*; do
    case \${g##*/} in *[!0-9]* | 0?* | ??????????*) ;; *) [ "\${g##*/}" -le "\${n:--1}" ] || n=\${g##*/} ;; esac
  done
  echo "$n"
}
described() { sed -n 's/^ *description \\(lbctl:[0-9a-f]*\\)$/\\1/p' "$1" 2>/dev/null; } # the identity in a file
# a transaction that validates learns how the service itself would load it
check='haproxy -Ws -f "$1" -c'
check_config() { eval "$check" 2>&1; }
# link NAME STATE: the live name becomes a link; what stood there is kept in replaced/, by the generation that came
link() {
  mkdir -p "$live" || return 1
  if [ "$2" != missing ]; then
    old=$state/replaced/$next
    mkdir -p "$old" || return 1
    # a number that was tried in vain may have something there already
    if [ "$2" = directory ]; then mv -T --backup=numbered "$live/$1" "$old/$1"
    else cp -aT --backup=numbered "$live/$1" "$old/$1"; fi || return 1
  fi
  ln -sfn "$state/current/$1" "$live/.$1.lbctl" && mv -T "$live/.$1.lbctl" "$live/$1"
}
point_to() { ln -sfn "$1" "$state/.current.lbctl" && mv -T "$state/.current.lbctl" "$state/current"; }
loaded() { ask_worker "show info" | sed -n 's/^[Dd]escription: //p'; }
worker() { ask ${masterSocket} "show proc" | awk '$2 == "worker" && $1 ~ /^[0-9]+$/ { print $1; exit }'; }
# a name that was taken away to become a link, or a plain file, and is not there
mend_links() {
  for l in $links; do
    [ -e "$live/$l" ] || [ -L "$live/$l" ] || [ ! -e "$state/current/$l" ] || ln -s "$state/current/$l" "$live/$l"
  done
}
# carry_certs FROM TO: what others have put into certs/ of a set that was live, since it was copied
carry_certs() {
  [ "\${outcome-}" = changed ] || [ -n "\${carries-}" ] || return 0
  for f in "$1"/certs/* "$1"/certs/.[!.]*; do
    [ -e "$f" ] || [ -L "$f" ] || continue
    n=certs/\${f##*/}
    ! cut -c67- "$1/.sha256sums" 2>/dev/null | grep -qxF -e "$n" || continue
    cmp -s "$f" "$2/$n" || { mkdir -p "$2/certs" && cp -aT "$f" "$2/$n"; } || note "$f could not be copied to $2/certs"
  done
}
set_aside() { # what came
  for d in "$state/generations/$next" "$state/staging"; do
    [ -d "$d" ] || continue
    rm -rf "$state/rejected"
    mv -T "$d" "$state/rejected" 2>/dev/null
    return
  done
}
# go_back KIND WHY: restore the previous set, and prove that it serves. A worker that still serves is never killed:
# it runs the previous configuration, or one that HAProxy could not load anew. From the rename on nobody can confirm.
go_back() {
  event start restore
  [ ! -e "$state/pending" ] || mv -T "$state/pending" "$state/reverting" 2>/dev/null
  point_to "$previous"
  mend_links
  carry_certs "$state/generations/$next" "$state/$previous"
  set_aside
  if [ "$1" = rolled-back ]; then
    want=$(described "$live/haproxy.cfg")
    if ! out=$(check_config "$live/haproxy.cfg"); then
      [ -n "$(loaded)" ] && now="The old worker still serves." || now="HAProxy does not run."
      give_up "$2
The previous configuration is back on disk, but it does not load: $out
$now"
    elif ! out=$(activate "\${want:--}" 2>&1) && [ -z "$(worker)" ]; then
      systemctl reset-failed "$service" 2>/dev/null
      systemctl restart "$service" 2>/dev/null || give_up "$2
The previous configuration is back on disk, but HAProxy does not run: $out"
    fi
  fi
  event done restore
  settle rolled-back "$2"
  disarm
  fail "$1" "$2"
}
${disarmFunction}
give_up() { settle failed "$1"; fail failed "$1"; }
settle() { record "$1" "$2"; mv -T "$state/reverting" "$state/reverted" 2>/dev/null; }`;
