import { LbctlError } from "../errors.ts";
import type { AdminState } from "../model/drain.ts";
import type { Role } from "../model/role.ts";
import { notRoot } from "../observe/observe.ts";
import type { Remote } from "../remote/port.ts";
import { quote, quoteAll } from "../remote/shell.ts";
import { giveBackInPerl } from "./give-back.ts";
import { setInPerl } from "./set-in-perl.ts";

/** Servers of one load balancer, and what is to become of them. */
export interface StateChange {
  readonly state: AdminState;
  /** `pool/server`, as HAProxy names them. */
  readonly servers: readonly string[];
  /** These take no new clients afterwards: nothing is touched where one of their pools would be left without a server. */
  readonly goes: readonly string[];
  readonly by: string;
  readonly reason: string | null;
  /** Hex; the same for all that one command does. */
  readonly token: string;
  /** Seconds after which the host makes them ready by itself. */
  readonly forSeconds: number | null;
  /** The second that this command makes of them: its timer stays, and whoever else has set one meanwhile has the say. */
  readonly again: boolean;
  /** Seconds to wait for whoever is changing the host. */
  readonly lockWait: number;
}

/** What became of them. */
export interface SetServers {
  /** They have read back as wanted. */
  readonly done: readonly string[];
  /** In maintenance already, which a drain leaves as it is. */
  readonly left: readonly string[];
  /** With HAProxy's reason. */
  readonly refused: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

/**
 * Notes down who and why, tells HAProxy, and reads back what it made of it. Throws LbctlError `busy` or `rejected` where
 * nothing was changed, and `unreachable`.
 */
export async function setState(
  remote: Remote,
  role: Pick<Role, "service" | "state">,
  change: StateChange,
  signal?: AbortSignal,
): Promise<SetServers> {
  const { host } = remote;
  const script = stateScript(role, change);
  const idleTimeoutMs = change.lockWait * 1000 + 60_000;
  const result = await remote.run({ script, idleTimeoutMs, ...(signal ? { signal } : {}) });
  const found = { done: [] as string[], left: [] as string[], notes: [] as string[] };
  const refused = new Map<string, string>();
  let ended = false;
  for (const line of result.stdout.split("\n")) {
    const [word, server = "", ...rest] = line.split(" ");
    if (word === "lbctl-set") found.done.push(server);
    else if (word === "lbctl-left") found.left.push(server);
    else if (word === "lbctl-refused") refused.set(server, rest.join(" "));
    else if (word === "lbctl-note") found.notes.push([server, ...rest].join(" "));
    else if (word === "lbctl-fail") throw failure(host, server, rest.join(" "), change.again);
    else if (word === "lbctl-end") ended = true;
  }
  if (ended) return { ...found, refused };
  throw new LbctlError("bug", {
    what: `the servers' state could not be set: ${result.stderr.trim().split("\n").at(-1) ?? ""}`,
    at: host,
    hint: "`lbctl status` shows what is there.",
  });
}

function failure(at: string, kind: string, words: string, again: boolean): LbctlError {
  const nothing = again ? "They drain on there." : "Nothing was touched there.";
  const busy = (what: string, hint: string): LbctlError =>
    new LbctlError("busy", { what, at, hint: `${hint} ${nothing}` });
  switch (kind) {
    case "root":
      return new LbctlError("rejected", notRoot(at, Number(words)));
    case "busy":
      return busy("another lbctl is changing this host", "Wait with --lock-wait SECONDS.");
    case "drill":
      return busy(...drilling(words));
    case "emptied":
      return busy(
        `no other server of ${words} is up any more: nobody would serve it`,
        "`lbctl status` shows what is there.",
      );
    case "moved":
      // what they are now somebody else knows
      return new LbctlError("busy", {
        what: `somebody else has set ${words} meanwhile, and that was left`,
        at,
        hint: "`lbctl status` shows what is there.",
      });
    case "silent":
      return new LbctlError("unreachable", {
        what: `HAProxy does not answer: ${words}`,
        at,
        hint: `Look at "systemctl status haproxy" there. ${nothing}`,
      });
    default:
      return new LbctlError("rejected", { what: words, at, hint: nothing });
  }
}

/** What is wrong, and what to do: a drill measures what clients notice while a server of the pool is away. */
export function drilling(owner: string): [what: string, hint: string] {
  return [
    `${owner} is drilling this load balancer, and a pool could be left without a server`,
    "Wait for its end: `lbctl lock status` shows it.",
  ];
}

/** The whole script: nothing in it is a secret, and each word is quoted. */
export function stateScript(
  { service, state }: Pick<Role, "service" | "state">,
  change: StateChange,
): string {
  const { servers, goes, by, reason } = change;
  const strange = [...servers, ...goes].find((name) => !/^[\w.:-]+\/[\w.:-]+$/.test(name));
  if (strange !== undefined)
    throw new LbctlError("bug", { what: `not a server's name: ${JSON.stringify(strange)}` });
  const words = [
    ...[state, service, String(change.lockWait), change.state, change.token],
    ...[String(change.forSeconds ?? 0), change.again ? "1" : "", JSON.stringify({ by, reason })],
    ...[by, reason ?? "", ...servers, "+", ...goes],
  ];
  return `mkdir -p /run/lbctl
code=${quote(setInPerl)}
returning=${quote(giveBackInPerl)}
export returning
exec perl -e "$code" -- ${quoteAll(words)}`;
}
