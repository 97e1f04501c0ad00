import { askFunctions } from "../haproxy/socket.ts";
import type { HostPlan } from "../model/host.ts";
import type { Role } from "../model/role.ts";
import { placeDropIn } from "../observe/drop-in.ts";
import { keptManifest } from "../observe/generations.ts";
import { liveFunctions } from "../observe/look.ts";
import { quote, quoteAll } from "../remote/shell.ts";
import { applyFunctions } from "./functions.ts";
import { goBackFunctions } from "./go-back.ts";
import { keepFunctions } from "./keep-before.ts";
import { keepEdits } from "./keep-edits.ts";
import { awaitLease } from "./lease.ts";
import { carryCerts } from "./others.ts";
import { problemsFunction, recordFunctions } from "./record.ts";
import { activateFunction } from "./reload.ts";
import { awaitFunction, confirmOrGoBack, refuseUndecided, writePending, type Commit } from "./pending.ts";
import { scriptOf, type Step } from "./transaction.ts";
import { validateFunction } from "./validate.ts";
import { verifyFunction } from "./verify.ts";
import { armWatchdog, watchdogArmed } from "./watchdog.ts";

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
  /** Whether the reload waits for checks of the servers: of this change, and of none that goes back to its set. */
  readonly isGated: boolean;
  /** Somebody has edited by hand what lbctl wrote. */
  readonly isEdited: boolean;
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
    // 0 before the first apply; a higher one after a release, after an adoption that ended here, and of what was edited
    // by hand: going back is to what served, and to nothing else
    script: ({ isEdited }) => `managed= kept= edited=
${isEdited ? findEdited : ""}for l in $links; do
  case $seen in *"
link $l linked"*) managed=yes ;; esac
done
if [ ! -L "$state/current" ] || { [ -z "$managed" ] && [ -e "$live/haproxy.cfg" ]; }; then
  newest=$(newest)
  [ -n "$newest" ] && [ ! -e "$live/haproxy.cfg" ] && point_to "generations/$newest" || kept=new
elif [ -n "$edited" ]; then kept=new
elif [ ! -e "$state/current/manifest.json" ] && ! is_edited "$state/current"; then kept=new # an adoption that did not hold
fi
# what was kept by an attempt before this one, and is live as it is
if [ -n "$kept" ] && [ -n "$managed" ] && [ ! -e "$state/current/manifest.json" ] && is_live_whole; then
  out=$(write_kept_manifest "$state/$(readlink "$state/current")" 2>&1) || discard rejected "what is in $live could not be kept: $out$(disk_full)"
elif [ -n "$kept" ]; then
  kept="$state/generations/.kept" newest=$(newest)
  newest=$((\${newest:--1} + 1))
  rm -rf "$kept"
  out=$(keep_live "$kept" 2>&1) || {
    rm -rf "$kept"
    discard rejected "what is in $live could not be kept: $out$(disk_full)"
  }
  mv -T "$kept" "$state/generations/$newest"
  sync -f "$state" 2>/dev/null # before anything points there
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
  [ -e "$state/generations/$g/manifest.json" ] || is_edited "$state/generations/$g" || continue
  [ "generations/$g" = "$(readlink "$state/current")" ] || rm -rf "$state/generations/$g"
done`,
  },
];

export const takeLock = `[ -d /run/lbctl ] || mkdir -p /run/lbctl
exec 9>"/run/lbctl/$service.lock"
flock -n 9 || fail busy "another lbctl is changing this host"`;

/** A lease that is lost before the swap ends the steps, and a link that is. */
export const onLoss = "trap abandon HUP INT TERM PIPE";

/** Of edits that did not hold once before, it is the generation below the first ones. */
const findEdited = `edited=$(readlink "$state/current")
[ -e "$state/$edited/manifest.json" ] || edited=$(sed -n 's/^  "edited": \\([0-9]*\\),$/\\1/p' "$state/$edited/${keptManifest}")
edited=\${edited##*/}
`;

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
rm -f "$state/staging/.sha256sums" "$state/staging/${keptManifest}" # the new ones say that the tar came to its end
for l in ${quoteAll(stays)}; do
  [ -d "$live/$l" ] || continue
  [ "$l" = certs ] && follow= || follow=L # certificates are often links to where they are renewed
  out=$(rm -rf "\${state:?}/staging/$l" 2>&1 && cp -a$follow --reflink=auto "$live/$l/." "$state/staging/$l" 2>&1) || discard rejected "$live/$l could not be copied: $out$(disk_full)"
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
${goBackFunctions}
${activateFunction}
${recordFunctions}
${verifyFunction}
${awaitFunction}
${validateFunction}
${keepFunctions}
${context.plan.dropIn === null ? "" : placeDropIn}
${context.from === null ? "" : problemsFunction}
identity=${quote(context.identity)} outcome=${context.from === null ? "changed" : "rollback"} carries=${context.from?.carries ? "yes" : ""} ungated=${context.isGated ? "" : "yes"}
token=${quote(token)} confirm=${String(confirmSeconds)} by=${quote(by)} at=${quote(at)}
export token ungated
${scriptOf(steps, context)}`;
}

/** Installs the role's packages by apt's ordinary path; a configuration file of the operator's stays. */
export function installScript(packages: readonly string[]): string {
  return `export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef "$@" </dev/null 2>&1; }
apt update && apt install -y --no-install-recommends ${quoteAll(packages)}`;
}
