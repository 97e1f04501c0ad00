import type { Emptied } from "../drain/wait.ts";
import { LbctlError } from "../errors.ts";
import { isUp } from "../haproxy/stat.ts";
import type { AdminState, DrainOutcome } from "../model/drain.ts";
import { sessionsText } from "../report/drain.ts";

const look = "`lbctl status` shows what is there.";

/** The wait ended, and not because all were empty. `isPinned`: a cookie keeps clients with one of them. */
export function notEmpty(
  at: string,
  names: readonly string[],
  isPinned: boolean,
  { end, load, arrived }: Emptied,
): LbctlError {
  const list = names.join(" ");
  const undo = `\`lbctl ready ${list}\` gives the load back.`;
  if (end === "lost") {
    const what = `${load.up.join(", ")} takes new clients again: somebody has made it ready, or HAProxy was restarted`;
    return new LbctlError("partial", { what, at, hint: look });
  }
  if (end === "interrupted") {
    return new LbctlError("interrupted", { what: "stopped while waiting; they drain on", at, hint: undo });
  }
  const came =
    isPinned && arrived > 0 ? `; ${String(arrived)} came meanwhile, of clients that the cookie pins` : "";
  const what = `left at the deadline: ${sessionsText(load)}${came}`;
  // what an old worker has nobody can move
  const moves = load.sessions > 0 || came !== "";
  const hint = `${moves ? `\`lbctl maint ${list}\` moves pinned clients and WebSockets at once. ` : ""}${undo}`;
  return new LbctlError("partial", { what, at, hint });
}

/** HAProxy's words against some of them. */
export function refusedBy(at: string, refused: ReadonlyMap<string, string>): LbctlError {
  const hint = `${look.slice(0, -1)}; the others were set.`;
  return new LbctlError(
    "rejected",
    [...refused].map(([name, why]) => ({ what: `${name}: HAProxy says ${why}`, at, hint })),
  );
}

/** A signal before that. */
export function notTold(at: string): LbctlError {
  return new LbctlError("interrupted", { what: "stopped before it was told", at, hint: look });
}

/** A signal while HAProxy was told. */
export function cutOff(error: LbctlError, at: string): LbctlError {
  if (error.code !== "interrupted") return error;
  const what = "stopped before it was known what HAProxy did";
  return new LbctlError("interrupted", { what, at, hint: look });
}

/** What was told reads back as something else at the end; null when all is as it was set. */
export function overruled(
  at: string,
  state: AdminState,
  told: readonly string[],
  servers: DrainOutcome["servers"],
): LbctlError | null {
  const isSet = (status: string): boolean =>
    state === "maint" ? status.startsWith("MAINT") : state === "ready" || !isUp(status);
  const others = servers.filter(({ name, status }) => told.includes(name) && !isSet(status));
  if (others.length === 0) return null;
  const problems = others.map(({ name, status }) => ({
    what: `somebody else has set ${name} meanwhile: it is ${status}`,
    at,
    hint: look,
  }));
  return new LbctlError("busy", problems);
}
