import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Problems } from "../document/problems.ts";
import { LbctlError } from "../errors.ts";
import { checkVariables } from "../inventory/check.ts";
import { checkConnections } from "../inventory/connection.ts";
import { parseExtraVars } from "../inventory/extra-vars.ts";
import { loadInventory } from "../inventory/load.ts";
import { resolveFleet } from "../inventory/resolve.ts";
import { selectHosts } from "../inventory/select.ts";
import type { WrittenInventory } from "../inventory/written.ts";
import type { Fleet, Host, Variables } from "../model/fleet.ts";
import type { Role } from "../model/role.ts";
import { packageRoot } from "../package-root.ts";
import type { Templates } from "../render/engine.ts";
import { loadRole, loadTemplates } from "../role/load.ts";
import { typedVariables } from "../role/typed.ts";
import { variableNames } from "../role/variables.ts";
import { parseYaml } from "../document/yaml.ts";
import type { FleetOptions } from "./options.ts";

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
  const [written, writtenExtraVars, role] = await Promise.all([
    problems.attempt(() => inventoryPaths(options).then(loadInventory)),
    problems.attempt(() => parseExtraVars(options.extraVars ?? [])),
    problems.attempt(() => loadRole("haproxy", folders("roles"))),
  ]);
  problems.throwIfAny();
  if (!written || !writtenExtraVars || !role) throw new Error("a part is missing without a problem");
  const extraVars = typedVariables(writtenExtraVars, role);
  const templates = await problems.attempt(() => loadTemplates(role, folders("templates")));
  const fleet = await problems.attempt(() =>
    resolveFleet(written, { defaults: role.defaults, extraVars, needed: variableNames(role) }),
  );
  if (!fleet) addWhatElseIsWrong(written, extraVars, role, problems);
  problems.throwIfAny();
  if (!fleet || !templates) throw new Error("a part is missing without a problem");
  const hosts = (await problems.attempt(() => chooseHosts(fleet, role, options.limit))) ?? [];
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
  extraVars: Variables,
  role: Role,
  problems: Problems,
): void {
  const told = new Set(problems.list().map(({ at }) => at));
  try {
    const fleet = resolveFleet(written, { defaults: {}, extraVars });
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

function chooseHosts(fleet: Fleet, role: Role, limit: string | undefined): Host[] {
  const members = fleet.groups.get(role.group)?.hosts ?? [];
  if (members.length === 0) {
    throw new LbctlError("invalid", {
      what: `the inventory has no hosts in the group "${role.group}"`,
      hint: `Put the load balancers into a group called ${role.group}.`,
    });
  }
  const wanted =
    limit === undefined ? members : selectHosts(fleet, limit).filter((name) => members.includes(name));
  if (wanted.length === 0) {
    throw new LbctlError("invalid", {
      what: `--limit ${limit ?? ""} matches no host of the group "${role.group}"`,
      hint: `It has ${members.join(", ")}.`,
    });
  }
  return wanted.flatMap((name) => fleet.hosts.get(name) ?? []);
}

/** `-i`, else LBCTL_INVENTORY, else `inventory:` of lbctl.yml in the working directory. */
async function inventoryPaths(options: FleetOptions): Promise<readonly string[]> {
  if (options.inventory && options.inventory.length > 0) return options.inventory;
  const fromEnvironment = process.env.LBCTL_INVENTORY;
  if (fromEnvironment) return [fromEnvironment];
  const file = join(process.cwd(), "lbctl.yml");
  const bytes = await readFile(file).catch(() => undefined);
  if (bytes) {
    const { value } = parseYaml(bytes, "lbctl.yml");
    const settings = value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
    const [unknown] = Object.keys(settings).filter((key) => key !== "inventory");
    if (unknown !== undefined) {
      throw new LbctlError("invalid", {
        what: `there is no setting "${unknown}"`,
        at: "lbctl.yml",
        hint: "Only `inventory` can be set here.",
      });
    }
    const inventory = "inventory" in settings ? settings.inventory : undefined;
    const paths = Array.isArray(inventory) ? inventory : [inventory];
    if (paths.every((path): path is string => typeof path === "string")) return paths;
    throw new LbctlError("invalid", {
      what: "inventory: must be a path or a list of paths",
      at: "lbctl.yml",
      hint: "Write for example `inventory: inventories/prod`.",
    });
  }
  throw new LbctlError("invalid", {
    what: "no inventory given",
    hint: "Pass -i PATH, set LBCTL_INVENTORY, or write `inventory: PATH` into lbctl.yml here.",
  });
}
