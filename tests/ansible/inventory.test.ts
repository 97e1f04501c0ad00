import { beforeAll, describe, expect, test } from "vitest";
import { inventoryLines, type InventoryOptions } from "../../src/commands/inventory.ts";
import { openVault } from "../../src/commands/vault-passwords.ts";
import { mask } from "../../src/document/secrets.ts";
import { parseExtraVars } from "../../src/inventory/extra-vars.ts";
import { loadInventory } from "../../src/inventory/load.ts";
import { computeMembership } from "../../src/inventory/membership.ts";
import { resolveLayers } from "../../src/inventory/resolve.ts";
import { selectHosts } from "../../src/inventory/select.ts";
import { askAnsible, type Answer, type Question } from "../support/ansible.ts";
import { inventoryCases, type InventoryCase } from "../support/inventory-cases.ts";

type Documents = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const cases = inventoryCases();
const answers = new Map<InventoryCase, ReadonlyMap<string, Answer>>();

beforeAll(() => {
  const asked = cases.map(questionsOf);
  const jobs = cases.map(({ folder, args }, index) => ({ cwd: folder, args, ask: asked[index] ?? [] }));
  for (const [index, answer] of askAnsible(jobs).entries()) {
    const questions = asked[index]?.map((question) => JSON.stringify(question)) ?? [];
    const found = questions.map((question, at) => [question, answer[at] ?? { warnings: "" }] as const);
    const ofCase = cases[index];
    if (ofCase) answers.set(ofCase, new Map(found));
  }
});

function questionsOf(one: InventoryCase): Question[] {
  return [
    ["list"],
    ["graph", "all"],
    ...one.graph.map((group): Question => ["graph", group]),
    ...one.host.map((host): Question => ["host", host]),
    ...one.select.map((pattern): Question => ["select", pattern]),
    ...one.refuse.map((pattern): Question => ["select", pattern]),
    ...one.limit.map((pattern): Question => ["limit", pattern]),
    ...(one.resolved.length > 0 ? [["resolved"] as const] : []),
  ];
}

/** What Ansible said; fails when it refused. */
function ansible(one: InventoryCase, question: Question): unknown {
  const answer = answers.get(one)?.get(JSON.stringify(question));
  if (answer?.error !== undefined || answer === undefined)
    throw new Error(`Ansible: ${answer?.error ?? "nothing"}`);
  return answer.ok;
}

async function lbctl(one: InventoryCase, more: Partial<InventoryOptions>): Promise<string> {
  process.chdir(one.folder);
  return `${(await inventoryLines(optionsOf(one.args, more))).join("\n")}\n`;
}

function optionsOf(args: readonly string[], more: Partial<InventoryOptions>): InventoryOptions {
  const values = (flag: string): string[] =>
    args.flatMap((arg, index) => (args[index - 1] === flag ? [arg] : []));
  return {
    inventory: values("-i"),
    extraVars: values("-e"),
    vaultPasswordFile: values("--vault-password-file"),
    vaultId: values("--vault-id"),
    forks: 1,
    transport: "openssh",
    input: false,
    ...more,
  };
}

test("there are enough of them", () => {
  expect(cases.length).toBeGreaterThanOrEqual(40);
});

describe.each(cases.map((one) => [one.name, one] as const))("%s", (_, one) => {
  test("--list", async () => {
    const [theirs, ours] = [ansible(one, ["list"]) as string, await lbctl(one, { list: true })];
    if (one.masked.length === 0) expect(ours).toBe(theirs);
    else expect(JSON.parse(ours)).toEqual(withMasks(JSON.parse(theirs) as object, one.masked));
  });

  test("--graph", async () => {
    for (const group of ["all", ...one.graph])
      expect(await lbctl(one, { graph: group })).toBe(ansible(one, ["graph", group]));
  });

  test.each(one.host)("--host %s", async (host) => {
    expect(await lbctl(one, { host })).toBe(ansible(one, ["host", host]));
  });

  test.each(one.select)("selects by %s", async (pattern) => {
    process.chdir(one.folder);
    expect(await selected(one, pattern)).toEqual(ansible(one, ["select", pattern]));
  });

  test.each(one.refuse)("refuses to select by %s", async (pattern) => {
    const { error, warnings } = answers.get(one)?.get(JSON.stringify(["select", pattern])) ?? {
      warnings: "",
    };
    expect(`${error ?? ""}${warnings}`).toMatch(/No hosts matched|Could not match|Invalid host list pattern/);
    await expect(selected(one, pattern)).rejects.toMatchObject({ code: "invalid" });
  });

  test.each(one.limit)("limits by %s", async (pattern) => {
    const { _meta, ...groups } = JSON.parse(await lbctl(one, { list: true, limit: pattern })) as Documents;
    const theirs = ansible(one, ["limit", pattern]) as string[];
    const named = Object.values(groups).flatMap(({ hosts = [] }) => hosts as string[]);
    expect([...new Set(named)].sort()).toEqual([...theirs].sort());
    for (const host of Object.keys(_meta?.hostvars as object)) expect(theirs).toContain(host);
  });

  test.each(one.resolved)("resolves %s", async (name) => {
    const theirs = ansible(one, ["resolved"]) as Documents;
    const ours = await resolvedVars(one);
    const both = Object.keys(theirs).map((host) => [host, theirs[host]?.[name], ours[host]?.[name]] as const);
    expect(both.some(([, their]) => their !== undefined)).toBe(true);
    for (const [host, their, our] of both) expect([host, our]).toEqual([host, their]);
  });
});

async function selected(one: InventoryCase, pattern: string): Promise<string[]> {
  const written = await loadInventory(
    optionsOf(one.args, {}).inventory ?? [],
    await openVault(optionsOf(one.args, {})),
  );
  return selectHosts({ hosts: written.hosts, groups: computeMembership(written).groups }, pattern);
}

/** Values with their secrets, which only a test may look at. */
async function resolvedVars(one: InventoryCase): Promise<Documents> {
  process.chdir(one.folder);
  const options = optionsOf(one.args, {});
  const vault = await openVault(options);
  const written = await loadInventory(options.inventory ?? [], vault, ".");
  const extraVars = await parseExtraVars(options.extraVars ?? [], vault);
  const layersOf = resolveLayers(written, {
    defaults: {},
    extraVars,
    needed: one.resolved,
    vault,
    onUnresolved: () => undefined,
  });
  const values = [...written.hosts.values()].map((host) => [
    host.name,
    Object.fromEntries([...layersOf(host)].map(([name, part]) => [name, part.value])),
  ]);
  return Object.fromEntries(values) as Documents;
}

/** Ansible's listing with what came out of an encrypted file masked. */
function withMasks(listing: object, masked: readonly string[]): object {
  const hide = (name: string, value: unknown): unknown => (masked.includes(name) ? mask : value);
  return JSON.parse(JSON.stringify(listing, hide)) as object;
}
