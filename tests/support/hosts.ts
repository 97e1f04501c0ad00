import { expect, inject } from "vitest";
import type { HaproxyRelease } from "../../src/lab/members.ts";
import { incus, inside } from "./lab.ts";

/** The hosts that this run has made for itself, and their files. */
export const { balancers, key, knownHosts } = inject("hosts");

/** The load balancer that most use. */
export const { name: balancer, inventory } = balancers["2.6"];

/** The snapshot of it that was taken first. */
const fresh = "fresh";

export function addressOf(host: string): string {
  const address = inject("hosts").addresses[host];
  if (address === undefined) throw new Error(`${host} is no host of these tests`);
  return address;
}

/** A load balancer as it left the image: no HAProxy, nothing applied. */
export async function freshBalancer(release: HaproxyRelease = "2.6"): Promise<void> {
  const { name } = balancers[release];
  expect((await incus("snapshot", "restore", name, fresh)).code).toBe(0);
  const isUp = "for i in $(seq 300); do systemctl is-active -q ssh && exit; sleep 0.2; done; exit 1";
  expect((await inside(name, isUp)).code).toBe(0);
}
