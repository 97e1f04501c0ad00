import type { ObservedHost } from "../model/host.ts";
import type { Role } from "../model/role.ts";

/** What letting go of a host would do. Pure data. */
export interface ReleasePlan {
  readonly host: string;
  readonly changes: boolean;
  /** Names in the live directory that become plain files. */
  readonly links: readonly string[];
  readonly live: string;
  /** Removed. */
  readonly removes: readonly string[];
  /** What stays there, and why. */
  readonly warnings: readonly string[];
}

/** Compares a host with one that lbctl has let go of. Pure. */
export function planRelease(observed: ObservedHost, role: Role, purge: boolean): ReleasePlan {
  const { live, state } = role;
  const links = role.links.filter((name) => observed.links[name] === "linked");
  const changes = purge || isDropIn(observed) || links.length > 0 || observed.generation !== null;
  const kept = purge ? "the history" : "the generations and the history";
  return {
    host: observed.host,
    changes,
    links,
    live,
    removes: [
      ...(purge ? [`${state}/generations`, `${state}/replaced`] : []),
      ...(isDropIn(observed) ? [`lbctl's drop-in of ${role.service}.service`] : []),
    ],
    warnings: changes
      ? [`${state} keeps ${kept}, and state/servers, which the line server-state-file of haproxy.cfg names`]
      : [],
  };
}

function isDropIn({ dropIn }: ObservedHost): boolean {
  return dropIn === "same" || dropIn === "different";
}
