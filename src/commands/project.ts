import { join } from "node:path";
import { Problems } from "../document/problems.ts";
import { LbctlError, type Problem } from "../errors.ts";
import { checkVariables } from "../inventory/check.ts";
import { checkConnections } from "../inventory/connection.ts";
import { readExtraVars } from "../inventory/extra-vars.ts";
import { readInventory } from "../inventory/load.ts";
import { resolveFleet } from "../inventory/resolve.ts";
import { declaredGroups } from "../inventory/pools.ts";
import { readLimit } from "../inventory/limit.ts";
import type { Fleet, Host } from "../model/fleet.ts";
import type { Role } from "../model/role.ts";
import { packageRoot } from "../package-root.ts";
import type { Templates } from "../render/engine.ts";
import { loadRole, loadTemplates } from "../role/load.ts";
import { typedBy, typedVariables } from "../role/typed.ts";
import { variableNames } from "../role/variables.ts";
import { inventoryPaths } from "./inventory-paths.ts";
import { chooseHosts } from "./choose-hosts.ts";
import type { FleetOptions } from "./options.ts";
import { openVault } from "./vault-passwords.ts";

/** Everything on the operator's side, read and checked: no host was asked for anything. */
export interface Project {
  readonly fleet: Fleet;
  readonly role: Role;
  readonly templates: Templates;
  /** The load balancers chosen: hosts of the role's group, within --limit. */
  readonly hosts: readonly Host[];
}

/** What else may be wrong with the chosen load balancers and their servers. */
export type Judge = (loadBalancers: readonly Host[], servers: readonly Host[]) => readonly Problem[];

/** Reads inventory, role and templates. Throws LbctlError `invalid` with every problem found. */
export async function loadProject(options: FleetOptions, judge?: Judge): Promise<Project> {
  const folders = (name: string): string[] => [join(process.cwd(), name), join(packageRoot(), name)];
  const problems = new Problems();
  const vault = await openVault(options);
  const [read, extraVars, limit, role] = await Promise.all([
    problems.attempt(async () => readInventory(await inventoryPaths(options), vault, ".")),
    readExtraVars(options.extraVars ?? [], vault),
    problems.attempt(() => (options.limit === undefined ? undefined : readLimit(options.limit))),
    problems.attempt(() => loadRole("haproxy", folders("roles"), problems)),
  ]);
  problems.addAll([...(read?.problems ?? []), ...extraVars.problems]);
  if (!role) return refuse(problems);
  const templates = await loadTemplates(role, folders("templates"), problems);
  if (!read) return refuse(problems, { fleet: noFleet, role, templates, hosts: [] });
  const resolved = resolveFleet(read.inventory, {
    defaults: role.defaults,
    extraVars: typedVariables(extraVars.vars, role),
    lacksExtraVars: extraVars.isPartial,
    needed: variableNames(role),
    typed: typedBy(role),
    vault,
  });
  problems.addAll(resolved.problems);
  const { fleet } = resolved;
  const hosts = await chooseHosts(fleet, role, problems, limit, options.limit);
  const names = hosts.map((host) => host.name);
  const servers = poolServerNames(fleet, hosts, role);
  await problems.attempt(() => {
    checkVariables(fleet, [...new Set([...names, ...servers])], role);
  });
  await problems.attempt(() => {
    checkConnections(fleet, names);
  });
  problems.addAll(
    judge?.(
      hosts,
      servers.flatMap((name) => fleet.hosts.get(name) ?? []),
    ) ?? [],
  );
  const project = { fleet, role, templates, hosts };
  return problems.list().length > 0 ? refuse(problems, project) : project;
}

/** What rendering would say comes with the rest; its code is loaded only for that. */
async function refuse(problems: Problems, project?: Project): Promise<never> {
  if (project) {
    const { findProblems } = await import("../render/render.ts");
    const told = problems.list();
    const more = findProblems(project, project.hosts);
    problems.addAll(more.filter((problem) => !told.some((before) => repeats(problem, before))));
  }
  throw new LbctlError("invalid", problems.list());
}

/** Whether it says the same, perhaps without the hosts, or of the same variable at the same place. */
function repeats({ at, what }: Problem, before: Problem): boolean {
  const subject = /^\w+_\w+ /.exec(what)?.[0] ?? what;
  return at === before.at && before.what.startsWith(subject);
}

const noFleet: Fleet = { hosts: new Map(), groups: new Map() };

/** Servers carry variables of the role too: address, id, weight. */
function poolServerNames(fleet: Fleet, hosts: readonly Host[], { defaults }: Role): string[] {
  // without a load balancer there are still the pools that the role names
  const takers = hosts.length > 0 ? hosts.map((host) => host.vars) : [defaults];
  const groups = takers.flatMap((vars) =>
    ["haproxy_api_group", "haproxy_stream_group"].map((name) => vars[name]?.value),
  );
  const declared = hosts.flatMap((host) =>
    [...declaredGroups(host).values()].flat().map(({ group }) => group),
  );
  return [...groups, ...declared].flatMap((group) =>
    typeof group === "string" ? (fleet.groups.get(group)?.hosts ?? []) : [],
  );
}
