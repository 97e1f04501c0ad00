import { randomBytes } from "node:crypto";
import type { LeaseReason } from "../model/lease.ts";
import { quoteAll } from "../remote/shell.ts";
import { holderInPerl } from "./holder.ts";
import { leaseTimes, type LeaseTimes } from "./lease-times.ts";

/** What is said of a lease when it is taken. */
export interface LeaseClaim {
  /** One for all hosts of a command. */
  readonly id: string;
  /** `user@machine`. */
  readonly owner: string;
  readonly reason: LeaseReason;
  readonly times: LeaseTimes;
}

/** Throws LbctlError `invalid` when the times of leases are set and make no sense. */
export function makeClaim(owner: string, reason: LeaseReason): LeaseClaim {
  return { id: randomBytes(4).toString("hex"), owner, reason, times: leaseTimes() };
}

/**
 * The first step of whatever changes a host: it waits until the lease is held and lbctl says go. Where other hosts are
 * waited for, `check` comes before: when it fails here nothing is changed there either.
 */
export function awaitLease(check: string): string {
  return `await_token
[ -n "$bytes" ] || {
${check}
await_go
}`;
}

/**
 * A script whose steps begin when the lease at this path is held, beside the process that holds it. Their standard
 * input is what lbctl sends behind its go.
 */
export function underLease(script: string, path: string, claim: LeaseClaim): string {
  const owner = claim.owner.replaceAll(/[^!-~]/g, "?");
  const words = [path, claim.id, owner, claim.reason, String(claim.times.ttlMs)];
  return `lease=${quoteAll([path])}
${leaseFunctions}
exec 8>&1
perl -e '${holderInPerl}' -- ${quoteAll(words)} | {
exec 8>&-
${script}
}`;
}

const leaseFunctions = `await_token() { IFS=' ' read -r fencing bytes; heard "$fencing"; }
await_go() {
  event held
  read -r bytes
  heard "$bytes"
}
heard() {
  case $1 in
    -) exit 1 ;; # the holder has said why
    '') fail lost "the process on this host that held the lease was ended" ;;
  esac
}
# whoever has a newer token took the lease over, since nothing was heard of this one
fence() {
  latest= holder= taken=
  while IFS=' ' read -r key value; do
    case $key in token) latest=$value ;; owner) holder=$value ;; since) taken=$value ;; esac
  done <"$lease.lease"
  [ -n "$latest" ] || discard rejected "$lease.lease says nothing: $(disk_full /run/lbctl)"
  [ "$latest" = "$fencing" ] || discard lost "your lease went to \${holder:-another lbctl} at \${taken:-this moment}"
}
begin_commit() { echo "$fencing" >"$lease.committing"; }
# lbctl has gone, or its lease has: nothing live was touched
abandon() {
  trap '' HUP INT TERM PIPE
  rm -rf "$state/staging"
  fail ended "the script on this host was ended, by a shutdown or by hand; nothing was touched" 2>/dev/null
}`;
