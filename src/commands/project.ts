import { join } from "node:path";
import { Problems } from "../document/problems.ts";
import { LbctlError } from "../errors.ts";
import { checkVariables } from "../inventory/check.ts";
import { checkConnections } from "../inventory/connection.ts";
import { parseExtraVars } from "../inventory/extra-vars.ts";
import { loadInventory } from "../inventory/load.ts";
import { resolveFleet, type ResolveOptions } from "../inventory/resolve.ts";
import { readLimit } from "../inventory/limit.ts";
import { selectHosts, type PatternPart } from "../inventory/select.ts";
import type { WrittenInventory } from "../inventory/written.ts";
import type { Fleet, Host } from "../model/fleet.ts";
import type { Role } from "../model/role.ts";
import { packageRoot } from "../package-root.ts";
import type { Templates } from "../render/engine.ts";
import { loadRole, loadTemplates } from "../role/load.ts";
import { typedBy, typedVariables } from "../role/typed.ts";
import { variableNames } from "../role/variables.ts";
import { inventoryPaths } from "./inventory-paths.ts";
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

/** Reads inventory, role and templates. Throws LbctlError `invalid` with every problem found. */
export async function loadProject(options: FleetOptions): Promise<Project> {
  const folders = (name: string): string[] => [join(process.cwd(), name), join(packageRoot(), name)];
  const problems = new Problems();
  const vault = await openVault(options);
  const [written, writtenExtraVars, limit, role] = await Promise.all([
    problems.attempt(async () => loadInventory(await inventoryPaths(options), vault, ".")),
    problems.attempt(() => parseExtraVars(options.extraVars ?? [], vault)),
    problems.attempt(() => (options.limit === undefined ? undefined : readLimit(options.limit))),
    problems.attempt(() => loadRole("haproxy", folders("roles"))),
  ]);
  problems.throwIfAny();
  if (!written || !writtenExtraVars || !role) throw new Error("a part is missing without a problem");
  const extraVars = typedVariables(writtenExtraVars, role);
  const templates = await problems.attempt(() => loadTemplates(role, folders("templates")));
  const fleet = await problems.attempt(() =>
    resolveFleet(written, {
      defaults: role.defaults,
      extraVars,
      needed: variableNames(role),
      typed: typedBy(role),
      vault,
    }),
  );
  if (!fleet) addWhatElseIsWrong(written, { extraVars, vault }, role, problems);
  problems.throwIfAny();
  if (!fleet || !templates) throw new Error("a part is missing without a problem");
  const hosts = (await problems.attempt(() => chooseHosts(fleet, role, limit, options.limit))) ?? [];
  const names = hosts.map((host) => host.name);
  await problems.attempt(() => {
    checkVariables(fleet, [...new Set([...names, ...poolServerNames(fleet, hosts)])], role);
  });
  await problems.attempt(() => {
    checkConnections(fleet, names);
  });
  problems.throwIfAny();
  return { fleet, role, templates, hosts };
}

/** A reference that leads nowhere must not hide other mistakes: those of the values that need no resolving. */
function addWhatElseIsWrong(
  written: WrittenInventory,
  options: Pick<ResolveOptions, "extraVars" | "vault">,
  role: Role,
  problems: Problems,
): void {
  const told = new Set(problems.list().map(({ at }) => at));
  try {
    const fleet = resolveFleet(written, { ...options, defaults: {}, typed: typedBy(role) });
    checkVariables(fleet, [...fleet.hosts.keys()], role);
  } catch (error) {
    if (!(error instanceof LbctlError)) throw error;
    problems.addAll(error.problems.filter(({ at }) => !told.has(at)));
  }
}

/** Servers carry variables of the role too: address, id, weight. */
function poolServerNames(fleet: Fleet, hosts: readonly Host[]): string[] {
  const groups = hosts.flatMap((host) =>
    ["haproxy_api_group", "haproxy_stream_group"].map((name) => host.vars[name]?.value),
  );
  return groups.flatMap((group) => (typeof group === "string" ? (fleet.groups.get(group)?.hosts ?? []) : []));
}

function chooseHosts(
  fleet: Fleet,
  role: Role,
  limit: readonly PatternPart[] | undefined,
  written: string | undefined,
): Host[] {
  const members = fleet.groups.get(role.group)?.hosts ?? [];
  if (members.length === 0) {
    throw new LbctlError("invalid", {
      what: `the inventory has no hosts in the group "${role.group}"`,
      hint: `Put the load balancers into a group called ${role.group}.`,
    });
  }
  const chosen = new Set(limit === undefined ? members : selectHosts(fleet, limit));
  const wanted = members.filter((name) => chosen.has(name));
  if (wanted.length === 0) {
    throw new LbctlError("invalid", {
      what: `--limit ${written ?? ""} matches no host of the group "${role.group}"`,
      hint: `It has ${members.join(", ")}.`,
    });
  }
  return wanted.flatMap((name) => fleet.hosts.get(name) ?? []);
}
