import { spawn } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { run } from "./lbctl.ts";

/** An ssh-agent of a test's own. */
export interface Agent {
  readonly socket: string;
  /** Takes a private key without a passphrase. */
  readonly add: (keyFile: string) => Promise<void>;
  readonly stop: () => void;
}

export async function startAgent(folder: string): Promise<Agent> {
  const socket = join(mkdtempSync(join(folder, "agent-")), "socket");
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
  for (let tries = 0; tries < 50 && !existsSync(socket); tries++) await wait(100);
  return {
    socket,
    async add(keyFile) {
      const added = await run("ssh-add", [keyFile], { env: { SSH_AUTH_SOCK: socket } });
      if (added.code !== 0) throw new Error(added.stderr);
    },
    stop: () => agent.kill(),
  };
}

/** Makes a key pair; resolves with the path of its private half. */
export async function newKey(path: string): Promise<string> {
  const made = await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path]);
  if (made.code !== 0) throw new Error(made.stderr);
  return path;
}
