import { expect, inject } from "vitest";
import { incus, inside } from "./lab.ts";

/** The files of the hosts that this run has made for itself. */
export const { inventory, key, knownHosts } = inject("hosts");

/** The snapshot of it that was taken first. */
const fresh = "fresh";

/** The load balancer among them. */
export const balancer = "test-lb";

export function addressOf(host: string): string {
  const address = inject("hosts").addresses[host];
  if (address === undefined) throw new Error(`${host} is no host of these tests`);
  return address;
}

/** The load balancer as it left the image: no HAProxy, nothing applied. */
export async function freshBalancer(): Promise<void> {
  expect((await incus("snapshot", "restore", balancer, fresh)).code).toBe(0);
  const isUp = "for i in $(seq 300); do systemctl is-active -q ssh && exit; sleep 0.2; done; exit 1";
  expect((await inside(balancer, isUp)).code).toBe(0);
}
