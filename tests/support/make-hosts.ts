import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { labContext } from "../../src/lab/context.ts";
import { describeImages, ensureImages } from "../../src/lab/images.ts";
import { labTag } from "../../src/lab/incus.ts";
import { createInstance, waitUntilUp, wantInstance } from "../../src/lab/instances.ts";
import { formatInventory } from "../../src/lab/inventory.ts";
import type { HaproxyRelease, Member } from "../../src/lab/members.ts";
import { findObjects } from "../../src/lab/objects.ts";
import { formatKnownHosts } from "../../src/lab/ssh.ts";

/** What the tests on hosts of their own are given. */
export interface OwnHosts {
  /** By the release of its HAProxy: a load balancer, and the inventory folder of it and a server in each pool. */
  readonly balancers: Readonly<Record<HaproxyRelease, Balancer>>;
  /** Name → address. */
  readonly addresses: Readonly<Record<string, string>>;
  /** The private key that they let in, and the lines of known_hosts that name them: files. */
  readonly key: string;
  readonly knownHosts: string;
}

interface Balancer {
  readonly name: string;
  readonly inventory: string;
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
  const publicKey = await readFile(`${paths.key}.pub`, "utf8");
  const imported = await incus.imageAliases();
  const imagesOf = async (release: HaproxyRelease) => {
    const images = await describeImages(release);
    await ensureImages(release, images, imported, { ...context, progress: () => undefined });
    return images;
  };
  const images = { "2.6": await imagesOf("2.6"), "3.0": await imagesOf("3.0") };
  const make = async (member: OwnMember) => {
    const { name, release } = member;
    // a run that was cut short leaves it
    await incus.try(["delete", "-f", name]);
    const want = wantInstance(member, images[release], release, publicKey);
    // without the lab's mark its commands leave it alone, but for `lab down --all`
    const config = Object.fromEntries(Object.entries(want.config).filter(([key]) => key !== labTag));
    await createInstance(incus, { ...want, config }, release);
    const hostKey = await waitUntilUp(incus, member);
    if (member.role === "lb") await incus.run(["snapshot", "create", name, "fresh"]);
    return { ...member, hostKey };
  };
  const known = await Promise.all(members.map(make));
  const folder = await mkdtemp(join(tmpdir(), "lbctl-hosts-"));
  const knownHosts = join(folder, "known_hosts");
  await writeFile(knownHosts, formatKnownHosts(known));
  const balancerWith = async (name: string, release: HaproxyRelease): Promise<Balancer> => {
    const inventory = join(folder, release);
    const those = members.filter((member) => member.role !== "lb" || member.name === name);
    await mkdir(inventory);
    await writeFile(join(inventory, "hosts.yml"), formatInventory(those, { ...paths, knownHosts }));
    return { name, inventory };
  };
  const balancers = {
    "2.6": await balancerWith("test-lb", "2.6"),
    "3.0": await balancerWith("test-lb-3", "3.0"),
  };
  const addresses = Object.fromEntries(members.map(({ name, ip }) => [name, ip]));
  project.provide("hosts", { balancers, addresses, key: paths.key, knownHosts });
  return async () => {
    for (const { name } of members) await incus.try(["delete", "-f", name]);
    await rm(folder, { recursive: true });
  };
}

interface OwnMember extends Member {
  readonly release: HaproxyRelease;
}

/** Addresses between those of the lab and those of a bench. */
function membersIn(subnet: string): readonly OwnMember[] {
  return [
    { name: "test-lb", role: "lb", ip: `${subnet}.201`, release: "2.6" },
    { name: "test-api", role: "api", ip: `${subnet}.202`, port: 8080, release: "2.6" },
    { name: "test-stream", role: "stream", ip: `${subnet}.203`, port: 8082, release: "2.6" },
    { name: "test-lb-3", role: "lb", ip: `${subnet}.204`, release: "3.0" },
  ];
}
