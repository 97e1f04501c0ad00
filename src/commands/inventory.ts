import { join } from "node:path";
import { Problems } from "../document/problems.ts";
import { ansibleJson } from "../document/ansible-json.ts";
import { didYouMean } from "../document/words.ts";
import { LbctlError, type Problem } from "../errors.ts";
import { parseExtraVars } from "../inventory/extra-vars.ts";
import { hostLayers, type Layer } from "../inventory/layers.ts";
import { readLimit } from "../inventory/limit.ts";
import { hostListing, inventoryGraph, inventoryListing } from "../inventory/listing.ts";
import { loadInventory } from "../inventory/load.ts";
import { computeMembership } from "../inventory/membership.ts";
import { resolveLayers } from "../inventory/resolve.ts";
import { selectHosts } from "../inventory/select.ts";
import type { WrittenInventory } from "../inventory/written.ts";
import type { Variables } from "../model/fleet.ts";
import { packageRoot } from "../package-root.ts";
import { reportWarnings } from "../report/errors.ts";
import { originDocument, originLines } from "../report/inventory.ts";
import { jsonText, printMasked } from "../report/out.ts";
import { loadRole } from "../role/load.ts";
import { typedBy, typedVariables } from "../role/typed.ts";
import { variableNames } from "../role/variables.ts";
import { inventoryPaths } from "./inventory-paths.ts";
import type { FleetOptions } from "./options.ts";
import { openVault } from "./vault-passwords.ts";

export interface InventoryOptions extends FleetOptions {
  readonly list?: boolean;
  /** A group's name, or true for `all`. */
  readonly graph?: string | true;
  readonly host?: string;
  readonly resolved?: boolean;
  readonly origin?: boolean;
}

/** `lbctl inventory`: what the inventory says, as `ansible-inventory` prints it, or where each value comes from. */
export async function inventoryCommand(options: InventoryOptions): Promise<number> {
  printMasked(await inventoryLines(options));
  return 0;
}

/** What the command prints: values masked one by one, so that JSON stays JSON. */
export async function inventoryLines(options: InventoryOptions): Promise<string[]> {
  refuseConflicts(options);
  const problems = new Problems();
  const vault = await openVault(options);
  const [written, extraVars, limit] = await Promise.all([
    problems.attempt(async () => loadInventory(await inventoryPaths(options), vault, ".")),
    problems.attempt(() => parseExtraVars(options.extraVars ?? [], vault)),
    problems.attempt(async () =>
      options.limit === undefined ? [{ text: "all" }] : readLimit(options.limit),
    ),
  ]);
  problems.throwIfAny();
  if (!written || !extraVars || !limit) throw new Error("a part is missing without a problem");
  const membership = computeMembership(written);
  const selectable = { hosts: written.hosts, groups: membership.groups };
  const chosen = new Set(selectHosts(selectable, limit));
  const isChosen = (name: string): boolean => chosen.has(name);
  if (options.host === undefined && !options.list && !options.origin) {
    const top = groupNamed(typeof options.graph === "string" ? options.graph : "all", written);
    return inventoryGraph(written, chosen, top);
  }
  const wanted =
    options.host === undefined
      ? (membership.groups.get("all")?.hosts ?? []).filter(isChosen)
      : [oneHost(options.host, selectHosts(selectable, options.host).filter(isChosen))];
  const layersOf = options.resolved
    ? await resolvedLayers(written, extraVars, vault)
    : hostLayers(written, membership, { defaults: {}, extraVars });
  const layers = new Map(
    wanted.flatMap((name): [string, Layer][] => {
      const host = written.hosts.get(name);
      return host ? [[name, layersOf(host)]] : [];
    }),
  );
  if (options.origin) return options.json ? [jsonText(originDocument(layers))] : originLines(layers);
  if (options.host === undefined) return [ansibleJson(inventoryListing(written, layers))];
  return [...layers.values()].map((vars) => ansibleJson(hostListing(vars)));
}

/** As lbctl will use them: over the role's defaults, references replaced, secrets opened but never shown. */
async function resolvedLayers(
  written: WrittenInventory,
  extraVars: Variables,
  vault: Awaited<ReturnType<typeof openVault>>,
): Promise<ReturnType<typeof hostLayers>> {
  const role = await loadRole("haproxy", [join(process.cwd(), "roles"), join(packageRoot(), "roles")]);
  const [told, unresolved] = [new Set<string>(), new Map<string, Problem>()];
  const layersOf = resolveLayers(written, {
    defaults: role.defaults,
    extraVars: typedVariables(extraVars, role),
    needed: variableNames(role),
    typed: typedBy(role),
    vault,
    onUnresolved: (problem) => unresolved.set(`${problem.at ?? ""}\n${problem.what}`, problem),
  });
  return (host) => {
    const layer = layersOf(host);
    // what hosts share is told once
    reportWarnings([...unresolved].flatMap(([key, problem]) => (told.has(key) ? [] : problem)));
    for (const key of unresolved.keys()) told.add(key);
    unresolved.clear();
    return layer;
  };
}

function refuseConflicts(options: InventoryOptions): void {
  const asked = [
    options.list && "--list",
    options.graph && "--graph",
    options.host !== undefined && "--host",
  ];
  const named = asked.filter((flag) => typeof flag === "string");
  const isGraph = named.length === 1 && options.graph !== undefined;
  const extra = [options.origin && "--origin", options.resolved && "--resolved", options.json && "--json"];
  const beside = isGraph ? extra.filter((flag) => typeof flag === "string") : [];
  if (named.length < 2 && beside.length === 0) return;
  throw new LbctlError("invalid", {
    what: `${[...named, ...beside].join(" and ")} cannot stand together`,
    hint: "Give one of --list, --graph and --host; --origin and --resolved go with --list and --host.",
  });
}

function groupNamed(name: string, { groups }: WrittenInventory) {
  const group = groups.get(name);
  if (group) return group;
  const near = didYouMean(name, groups.keys());
  throw new LbctlError("invalid", {
    what: `no group is called "${name}"${near ? `; ${near}` : ""}`,
    hint: "Run `lbctl inventory --graph` to see all groups.",
  });
}

function oneHost(pattern: string, found: readonly string[]): string {
  const [host, second] = found;
  if (host !== undefined && second === undefined) return host;
  throw new LbctlError("invalid", {
    what: `--host ${pattern} stands for ${host === undefined ? "no host" : `${found.length} hosts`}`,
    hint: "Name one host.",
  });
}
