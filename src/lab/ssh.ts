import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { existsSync } from "node:fs";
import type { LabPaths } from "./paths.ts";
import { expectSuccess, type Shell } from "./shell.ts";

/** The lab's own key; made once. The public half. */
export async function ensureKey(paths: LabPaths, shell: Shell): Promise<string> {
  if (!existsSync(paths.key)) {
    await mkdir(dirname(paths.key), { recursive: true });
    const make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lbctl-lab", "-f", paths.key];
    expectSuccess(await shell.run(make), "ssh-keygen");
  }
  return await readFile(`${paths.key}.pub`, "utf8");
}

/** Pure: the exact host keys of the lab. */
export function formatKnownHosts(hosts: readonly { name: string; ip: string; hostKey: string }[]): string {
  return hosts.map(({ name, ip, hostKey }) => `${ip},${name},${name}.lab ${hostKey}\n`).join("");
}

/** What ssh needs to reach a host of the lab and nothing else. */
export function sshOptions(paths: LabPaths): readonly string[] {
  return [
    "-o",
    `UserKnownHostsFile=${quoteForSsh(paths.knownHosts)}`,
    "-o",
    "IdentitiesOnly=yes",
    "-o",
    "StrictHostKeyChecking=yes",
  ];
}

/** ssh splits the value of UserKnownHostsFile at spaces. */
function quoteForSsh(path: string): string {
  return /\s/.test(path) ? `"${path}"` : path;
}

export function sshArguments(paths: LabPaths, ip: string, command: readonly string[]): readonly string[] {
  const end = command.length > 0 ? ["--", `root@${ip}`, ...command] : [`root@${ip}`];
  return ["-i", paths.key, ...sshOptions(paths), ...end];
}
