import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "../src/package-root.ts";
import type { Target } from "./contestants.ts";
import type { BenchHost } from "./hosts.ts";

/** The same hosts, `roundTripMs` away: as ports of loopback. */
export async function startRelay(
  roundTripMs: number,
  hosts: readonly BenchHost[],
): Promise<{ targets: readonly Target[]; stop: () => void }> {
  const script = join(packageRoot(), "node_modules", ".cache", "bench", "relay.mjs");
  const args = [script, String(roundTripMs), ...hosts.map(({ address }) => `${address}:22`)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const targets: Target[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const host = hosts[targets.length];
    if (host) targets.push({ ...host, address: "127.0.0.1", port: Number(line) });
    if (targets.length === hosts.length) break;
  }
  return { targets, stop: () => child.kill() };
}
