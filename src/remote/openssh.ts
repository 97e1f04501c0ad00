import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { LbctlError } from "../errors.ts";
import type { SshConnection } from "../model/fleet.ts";
import type { Remote } from "./port.ts";
import { startProcess } from "./process.ts";
import { execProcess } from "./process-way.ts";
import { remoteOver } from "./run.ts";
import { explainSshFailure, targetOf } from "./ssh-failure.ts";
import { endedOnTheWay } from "./way-failure.ts";

/** Seconds that a master connection outlives its last use, so that the next command starts warm. */
const persistSeconds = 60;

/**
 * A host reached through the system's OpenSSH client: the user's ssh config, agent, jump hosts, certificates and
 * hardware keys all work, and host keys are verified as ssh does. One master connection serves every run and goes by
 * itself, `persistSeconds` after its last use. `firstWords` is asked before each run for what comes before all else.
 */
export function openSsh(
  host: string,
  connection: SshConnection,
  firstWords: () => Promise<readonly string[]>,
): Remote {
  const args = [...sshArguments(connection), "--", connection.address];
  // where ssh is to keep the connection for later, it throws away what the ssh to a jump host has to say
  let failedOnTheWay = false;
  return remoteOver(host, connection, {
    target: targetOf(connection),
    async exec(command, streams) {
      const words = [...(failedOnTheWay ? sharingNothing : []), ...(await firstWords())];
      failedOnTheWay = false;
      const run = execProcess("ssh", (line) => [...words, ...args, line]);
      return run(command, {
        ...streams,
        onError(chunk) {
          failedOnTheWay ||= Buffer.from(chunk).includes(endedOnTheWay);
          streams.onError(chunk);
        },
      });
    },
    explain: (lost) => explainSshFailure(connection, lost),
  });
}

/** Neither uses an open connection nor leaves one. */
export const sharingNothing = ["-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "ControlPersist=no"];

/** The argument vector up to the host. Pure but for the directory of the control socket, which it makes. */
export function sshArguments(connection: SshConnection): string[] {
  return [
    "-T",
    ...["-o", "BatchMode=yes", "-o", "NoHostAuthenticationForLocalhost=no"],
    ...["-o", "ConnectTimeout=10"],
    ...["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"],
    ...["-o", "ControlMaster=auto", "-o", `ControlPath="${controlPath(connection)}"`],
    ...["-o", `ControlPersist=${String(persistSeconds)}`],
    ...["-o", "RequestTTY=no", "-o", "ForwardAgent=no", "-o", "ClearAllForwardings=yes"],
    ...connectionArguments(connection),
  ];
}

/** What the inventory says of the connection, as words for ssh; the operator's own last. Pure. */
export function connectionArguments(connection: SshConnection): string[] {
  return [
    ...(connection.port === undefined ? [] : ["-p", String(connection.port)]),
    ...(connection.user === undefined ? [] : ["-l", connection.user]),
    ...(connection.keyFile === undefined ? [] : ["-i", connection.keyFile]),
    ...connection.sshArgs,
  ];
}

/** Whether an earlier run left a connection open that this one may use. */
export async function hasLiveMaster(connection: SshConnection): Promise<boolean> {
  const path = controlPath(connection);
  const prefix = basename(path).replace("%C", "");
  const sockets = readdirSync(dirname(path)).filter((name) => name.startsWith(prefix));
  const alive = await Promise.all(sockets.map((name) => answers(join(dirname(path), name))));
  return alive.includes(true);
}

/** A key that is not known yet, or has changed, is refused whatever the user's configuration says. */
export const onlyKnown = ["-o", "StrictHostKeyChecking=yes"];

/** Opens a connection for later runs, in the background; nobody waits for it, or hears of its failure. */
export function startMaster(connection: SshConnection): void {
  startProcess("ssh", [...onlyKnown, ...sshArguments(connection), "--", connection.address, "true"]);
}

/** Whether somebody listens on a Unix socket. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (alive: boolean) => () => {
      socket.destroy();
      resolve(alive);
    };
    socket.once("connect", end(true)).once("error", end(false));
  });
}

/**
 * A socket in a private folder with a short path: its name has room for about 100 bytes, and ssh adds 17. It is named
 * by all that the inventory says of the connection, and by ssh's %C: that alone knows neither jump hosts nor keys, so
 * two hosts with one address behind different bastions would share a connection.
 * Throws LbctlError `invalid` when the folder belongs to somebody else.
 */
function controlPath(connection: SshConnection): string {
  const uid = process.getuid?.() ?? 0;
  const runtime = process.env.XDG_RUNTIME_DIR;
  const base = runtime !== undefined && existsSync(runtime) ? runtime : join(homedir(), ".ssh");
  const folder = base.length > 30 ? `/tmp/lbctl-${String(uid)}` : join(base, "lbctl");
  // what somebody put there instead is told below
  if (!lstatSync(folder, { throwIfNoEntry: false })) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw new LbctlError("invalid", {
      what: "this folder for ssh's control sockets must be yours alone",
      at: folder,
      hint: "Remove it; lbctl makes it anew.",
    });
  }
  const words = JSON.stringify([connection.address, ...connectionArguments(connection)]);
  return join(folder, `${createHash("sha256").update(words).digest("hex").slice(0, 8)}-%C`);
}
