import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { labContext } from "../../src/lab/context.ts";
import { describeImages, ensureImages } from "../../src/lab/images.ts";
import { labTag } from "../../src/lab/incus.ts";
import { createInstance, waitUntilUp, wantInstance } from "../../src/lab/instances.ts";
import { formatInventory } from "../../src/lab/inventory.ts";
import type { Member } from "../../src/lab/members.ts";
import { findObjects } from "../../src/lab/objects.ts";
import { formatKnownHosts } from "../../src/lab/ssh.ts";

/** What the tests on hosts of their own are given. */
export interface OwnHosts {
  /** An inventory folder of them: one load balancer and a server in each pool. */
  readonly inventory: string;
  /** Name → address. */
  readonly addresses: Readonly<Record<string, string>>;
  /** The private key that they let in, and the lines of known_hosts that name them: files. */
  readonly key: string;
  readonly knownHosts: string;
}

declare module "vitest" {
  interface ProvidedContext {
    readonly hosts: OwnHosts;
  }
}

/** Containers of the lab's images that no other test stops, kills or makes anew; deleted at the end. */
export default async function makeHosts(project: TestProject): Promise<() => Promise<void>> {
  const context = labContext();
  const { incus, paths } = context;
  const objects = (await incus.answers()) ? await findObjects(incus) : undefined;
  if (objects?.subnet === undefined) throw new Error("The lab does not run: `npx lbctl lab up` first.");
  const members = membersIn(objects.subnet);
  const images = await describeImages("2.6");
  await ensureImages("2.6", images, await incus.imageAliases(), { ...context, progress: () => undefined });
  const publicKey = await readFile(`${paths.key}.pub`, "utf8");
  const make = async (member: Member) => {
    // a run that was cut short leaves it
    await incus.try(["delete", "-f", member.name]);
    const want = wantInstance(member, images, "2.6", publicKey);
    // without the lab's mark its commands leave it alone, but for `lab down --all`
    const config = Object.fromEntries(Object.entries(want.config).filter(([key]) => key !== labTag));
    await createInstance(incus, { ...want, config }, "2.6");
    return { ...member, hostKey: await waitUntilUp(incus, member) };
  };
  const known = await Promise.all(members.map(make));
  await incus.run(["snapshot", "create", "test-lb", "fresh"]);
  const folder = await mkdtemp(join(tmpdir(), "lbctl-hosts-"));
  const inventory = join(folder, "inventory");
  const knownHosts = join(folder, "known_hosts");
  await mkdir(inventory);
  await writeFile(knownHosts, formatKnownHosts(known));
  await writeFile(join(inventory, "hosts.yml"), formatInventory(members, { ...paths, knownHosts }));
  const addresses = Object.fromEntries(members.map(({ name, ip }) => [name, ip]));
  project.provide("hosts", { inventory, addresses, key: paths.key, knownHosts });
  return async () => {
    for (const { name } of members) await incus.try(["delete", "-f", name]);
    await rm(folder, { recursive: true });
  };
}

/** Addresses between those of the lab and those of a bench. */
function membersIn(subnet: string): readonly Member[] {
  return [
    { name: "test-lb", role: "lb", ip: `${subnet}.201` },
    { name: "test-api", role: "api", ip: `${subnet}.202`, port: 8080 },
    { name: "test-stream", role: "stream", ip: `${subnet}.203`, port: 8082 },
  ];
}
