import type { ServerStatus } from "../haproxy/status.ts";
import type { DrainOutcome, Load } from "../model/drain.ts";
import { cut, duration, fit, fitName, wrap } from "./columns.ts";
import { shownProblems } from "./problems.ts";
import { style } from "./style.ts";

const width = 80;

/** A line for each server of each load balancer, and what they still have. */
export function drainLines(outcomes: readonly DrainOutcome[]): string[] {
  return outcomes.flatMap(({ host, servers, load, why }) => [
    ...(why === null ? [] : wrap(why, width - 13).map((line, at) => beside(at === 0 ? host : "", line))),
    ...servers.flatMap(({ name, status, why: left }) => {
      const paint = status.startsWith("UP") ? style.green : style.yellow;
      const line = `${fit(host, 12)} ${fitName(name, 30)} ${paint(cut(status, 36))}`;
      return left === undefined ? [line] : [line, beside("", left)];
    }),
    ...(load === null ? [] : wrap(sessionsText(load), width - 13).map((line) => beside("", line))),
  ]);
}

function beside(host: string, words: string): string {
  return `${fit(host, 12)} ${style.dim(words)}`;
}

/** What is said while sessions are waited for: who has some, or all when nobody has. */
export function waitingLine(
  left: readonly { readonly host: string; readonly load: Load }[],
  leftMs: number,
): string {
  const some = left.filter(({ load }) => load.sessions + load.oldSessions + load.silent.length > 0);
  const who = some.map(({ host, load }) => `${host}: ${sessionsText(load)}`).join("; ");
  const time = duration(Math.ceil(leftMs / 1000) * 1000);
  return cut(`… ${time} to the deadline; ${who === "" ? "0 sessions" : who}`, width);
}

/** `3 sessions, 1 of them from before a reload`, and who does not say how many it has. */
export function sessionsText({ sessions, oldSessions, silent }: Load): string {
  const all = sessions + oldSessions;
  const old = oldSessions > 0 ? `, ${String(oldSessions)} of them from before a reload` : "";
  const unknown = silent.map((who) =>
    who === "master"
      ? "; not known from before a reload, for the master does not answer"
      : `; not known of worker ${who} from before a reload, which does not answer`,
  );
  return `${all === 1 ? "1 session" : `${String(all)} sessions`}${old}${unknown.join("")}`;
}

/** Who took a server from its load, for the table of `lbctl status`. */
export function drainedBy(drain: NonNullable<ServerStatus["drain"]>): string {
  const { state, by, reason, since_seconds: since, left_seconds: left } = drain;
  const what = state === "drain" ? "drained" : "in maintenance";
  const why = reason === null ? "" : `: ${reason}`;
  const back = left === 0 ? "; was to be ready by now" : `; ready again in ${duration((left ?? 0) * 1000)}`;
  return `${what} by ${by} ${duration(since * 1000)} ago${why}${left === null ? "" : back}`;
}

/** The JSON that programs rely on; keys are only ever added. */
export function drainDocument(outcomes: readonly DrainOutcome[]): object {
  return {
    format_version: 1,
    hosts: outcomes.map(({ host, servers, load, why, error }) => ({
      name: host,
      servers: servers.map(({ name, status, why: left }) => ({
        pool: name.split("/")[0],
        name: name.split("/")[1],
        status,
        why: left ?? null,
      })),
      sessions: load?.sessions ?? null,
      old_sessions: load?.oldSessions ?? null,
      silent: load?.silent ?? null,
      why,
      error: error === null ? null : { code: error.code, problems: shownProblems(error) },
    })),
  };
}
