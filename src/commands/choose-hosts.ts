import { nearest } from "../document/words.ts";
import { Problems } from "../document/problems.ts";
import { selectHosts, type PatternPart } from "../inventory/select.ts";
import type { Fleet, Host } from "../model/fleet.ts";
import type { Role } from "../model/role.ts";

/** Those of the role's group within --limit; all of the group when there are none. */
export async function chooseHosts(
  fleet: Fleet,
  role: Role,
  problems: Problems,
  limit: readonly PatternPart[] | undefined,
  written: string | undefined,
): Promise<Host[]> {
  const members = fleet.groups.get(role.group)?.hosts ?? [];
  const found = new Problems();
  if (members.length === 0) {
    const near = nearest(role.group, fleet.groups.keys());
    found.add({
      what: `the inventory has no hosts in the group "${role.group}"${near === undefined || near === role.group ? "" : `, but a group "${near}"`}`,
      hint: `Put the load balancers into a group called ${role.group}.`,
    });
  }
  const chosen = new Set(await found.attempt(() => (limit ? selectHosts(fleet, limit) : members)));
  const wanted = members.filter((name) => chosen.has(name));
  if (wanted.length === 0) {
    found.addIfNone({
      what: `--limit ${written ?? ""} matches no host of the group "${role.group}"`,
      hint: `It has ${members.join(", ")}.`,
    });
  }
  // they may stand in what could not be read
  if (!fleet.lacks) problems.addAll(found.list());
  return (wanted.length > 0 ? wanted : members).flatMap((name) => fleet.hosts.get(name) ?? []);
}
