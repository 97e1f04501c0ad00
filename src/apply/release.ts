import { askFunctions } from "../haproxy/socket.ts";
import type { Emit, HostOutcome } from "../model/events.ts";
import type { Author } from "../model/history.ts";
import type { ObservedHost } from "../model/host.ts";
import type { Role } from "../model/role.ts";
import { dropInName } from "../observe/drop-in.ts";
import { liveFunctions } from "../observe/look.ts";
import { quote } from "../remote/shell.ts";
import type { Remote } from "../remote/port.ts";
import { applyFunctions } from "./functions.ts";
import { awaitLease } from "./lease.ts";
import { refuseUndecided } from "./pending.ts";
import { recordFunctions } from "./record.ts";
import { untouchedScript } from "./interrupted.ts";
import { moved, onLoss, recheck, takeLock, unmoved } from "./steps.ts";
import { runTransaction, scriptOf, type Step } from "./transaction.ts";
import type { Turn } from "./turn.ts";

export interface ReleaseInput {
  readonly role: Role;
  readonly observed: ObservedHost;
  readonly author: Author;
  /** The generations go, too. */
  readonly purge: boolean;
}

type ReleaseContext = Pick<ReleaseInput, "role" | "purge"> & { readonly digest: string };

/**
 * Lets go of a host: the links become plain files with the content of today, and HAProxy runs on untouched. Cut off at
 * any moment it can be run again. The returned outcome carries the error, as that of an apply.
 */
export function releaseHost(
  remote: Remote,
  { role, observed, author, purge }: ReleaseInput,
  emit: Emit,
  signal: AbortSignal,
  turn: Turn,
): Promise<HostOutcome> {
  const script = releaseScript({ role, digest: observed.digest, purge }, author);
  const question = untouchedScript(role, observed.digest);
  const { service } = role;
  const make = () => Promise.resolve({ service, script, steps: releaseSteps, question });
  return runTransaction(remote, make, emit, signal, turn);
}

/** Up to `validate` nothing that is live is touched; when `swap` fails the links are put back. */
const releaseSteps: readonly Step<ReleaseContext>[] = [
  {
    name: "lease",
    text: "taking the lease",
    script: ({ digest }) => awaitLease(`${unmoved(digest)} || fail ${moved}`),
  },
  { name: "lock", text: "taking the lock", script: () => `${takeLock}\n${refuseUndecided}\n${onLoss}` },
  {
    name: "recheck",
    text: "checking that nothing moved",
    script: ({ digest }) => recheck(digest),
  },
  {
    name: "copy",
    text: "copying the files as they are today",
    // a name that is missing was about to be replaced when an earlier release was cut off: it is linked again
    script: () => `mend_links
released=
for l in $links; do
  rm -rf "\${live:?}/.$l.lbctl"
  [ -e "$state/current/$l" ] && [ "$(link_state "$l")" = linked ] || continue
  out=$(cp -a "$state/current/$l" "$live/.$l.lbctl" 2>&1) || give_up_copies "$live/$l could not be copied: $out$(disk_full)"
  released="$released $l"
done`,
  },
  {
    name: "validate",
    text: "validating with the host's HAProxy",
    // the links' content, and so that of the copies
    script: () => `out=$(check_config "$live/haproxy.cfg") || give_up_copies "$out"`,
  },
  {
    name: "swap",
    text: "putting plain files in place of the links",
    // From here on it finishes or goes back, even when the link is cut. A folder cannot be renamed onto a link.
    script: () => `trap '' HUP INT TERM PIPE
begin_commit
for l in $released; do
  [ ! -d "$live/.$l.lbctl" ] || rm -f "$live/$l"
  out=$(mv -T "$live/.$l.lbctl" "$live/$l" 2>&1) || link_again "$live/$l could not be replaced: $out"
done
out=$(check_config "$live/haproxy.cfg") || link_again "$out"
sync -f "$live" 2>/dev/null
rm -f "$state/current"
record released ""`,
  },
  {
    name: "tidy",
    text: "removing what was only lbctl's",
    // the server state file stays: haproxy.cfg names it, and so does the history of what happened here
    script: ({ purge }) =>
      `dropin="/etc/systemd/system/$service.service.d"
if [ -e "$dropin/${dropInName}" ] || [ -e "$dropin/lbctl.conf" ]; then
  rm -f "$dropin/${dropInName}" "$dropin/lbctl.conf"
  rmdir "$dropin" 2>/dev/null
  systemctl daemon-reload 2>/dev/null
fi
rm -rf "$state/staging" "$state/rejected" "$state/confirmed" "$state/reverted" /var/lib/lbctl/bin${purge ? ' "$state/generations" "$state/replaced"' : ""} ||
  note "$state could not be tidied up; the host is released all the same"`,
  },
];

const releaseFunctions = `give_up_copies() {
  for l in $links; do rm -rf "\${live:?}/.$l.lbctl"; done
  fail rejected "$1"
}
link_again() {
  event start restore
  for l in $released; do
    rm -rf "\${live:?}/.$l.lbctl" "\${live:?}/$l"
    ln -s "$state/current/$l" "$live/$l"
  done
  event done restore
  record rolled-back "$1"
  fail rolled-back "$1"
}`;

export function releaseScript(context: ReleaseContext, author: Author): string {
  const { by, at, lbctl, git } = author;
  const head = JSON.stringify({ restores: null, by, at, lbctl, git, files: [] }).slice(1, -1);
  return `${liveFunctions(context.role)}
${askFunctions}
${applyFunctions}
${recordFunctions}
${releaseFunctions}
next=null lbctl_head=${quote(head)}
export lbctl_head
${scriptOf(releaseSteps, context)}`;
}
