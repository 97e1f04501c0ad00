import type { ServerStatus } from "../haproxy/status.ts";
import type { DrainOutcome, Load } from "../model/drain.ts";
import { cut, duration, fit, fitName } from "./columns.ts";
import { shownProblems } from "./problems.ts";
import { style } from "./style.ts";

const width = 80;

/** A line for each server of each load balancer, and what they still have. */
export function drainLines(outcomes: readonly DrainOutcome[]): string[] {
  return outcomes.flatMap(({ host, servers, load, error }) => {
    if (servers.length === 0)
      return error === null ? [`${fit(host, 12)} ${style.dim("has none of them")}`] : [];
    return [
      ...servers.map(({ name, status, why }) => {
        const paint = status.startsWith("UP") ? style.green : style.yellow;
        const line = `${fit(host, 12)} ${fitName(name, 30)} ${paint(fit(status, 8))}`;
        return why === undefined ? line.trimEnd() : `${line} ${style.dim(why)}`;
      }),
      ...(load === null ? [] : [`${fit("", 12)} ${style.dim(sessionsText(load))}`]),
    ];
  });
}

/** What is said while sessions are waited for. */
export function waitingLine(host: string, load: Load | null, leftMs: number): string {
  const left = load === null ? "" : `${sessionsText(load)}; `;
  return cut(`${fit(host, 12)} … ${left}${duration(Math.ceil(leftMs / 1000) * 1000)} to the deadline`, width);
}

/** `3 sessions, 1 of them from before a reload`. */
export function sessionsText({ sessions, oldSessions }: Load): string {
  const all = sessions + oldSessions;
  const old = oldSessions > 0 ? `, ${String(oldSessions)} of them from before a reload` : "";
  return `${all === 1 ? "1 session" : `${String(all)} sessions`}${old}`;
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
    hosts: outcomes.map(({ host, servers, load, error }) => ({
      name: host,
      servers: servers.map(({ name, status, why }) => ({
        pool: name.split("/")[0],
        name: name.split("/")[1],
        status,
        why: why ?? null,
      })),
      sessions: load?.sessions ?? null,
      old_sessions: load?.oldSessions ?? null,
      error: error === null ? null : { code: error.code, problems: shownProblems(error) },
    })),
  };
}
