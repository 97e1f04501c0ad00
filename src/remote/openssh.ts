import { createHash, randomBytes } from "node:crypto";
import { existsSync, lstatSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { LbctlError } from "../errors.ts";
import type { Connection } from "../model/fleet.ts";
import { frame, Unframer } from "./frame.ts";
import { idleSignal } from "./idle.ts";
import type { Remote, RemoteResult, RemoteScript } from "./port.ts";
import { runProcess } from "./process.ts";
import { explainSshFailure } from "./ssh-failure.ts";

/** Seconds that a master connection outlives its last use, so that the next command starts warm. */
const persistSeconds = 60;

/**
 * A host reached through the system's OpenSSH client: the user's ssh config, agent, jump hosts, certificates and
 * hardware keys all work, and host keys are verified as ssh does. One master connection serves every run.
 */
export function openSsh(host: string, connection: Connection): Remote {
  const args = sshArguments(connection);
  return {
    host,
    run: (request) => runOverSsh(host, connection, args, request),
    close: () => Promise.resolve(), // the master goes by itself, `persistSeconds` after its last use
  };
}

async function runOverSsh(
  host: string,
  connection: Connection,
  args: readonly string[],
  request: RemoteScript,
): Promise<RemoteResult> {
  const nonce = randomBytes(12).toString("hex");
  const unframer = new Unframer(nonce, request.onLine);
  const idle = idleSignal(request.idleTimeoutMs ?? 60_000);
  const signal = request.signal ? AbortSignal.any([idle.signal, request.signal]) : idle.signal;
  const { command, input } = frame(nonce, request, connection.become);
  const result = await runProcess("ssh", [...args, "--", connection.address, command], {
    input,
    signal,
    detached: true,
    onLine: (line) => {
      idle.touch();
      unframer.take(line);
    },
    onErrorLine: () => {
      idle.touch();
    },
  });
  idle.stop();
  if (request.signal?.aborted) {
    throw new LbctlError("interrupted", { what: "interrupted", at: host });
  }
  const status = unframer.status;
  if (status === undefined) {
    throw explainSshFailure({ host, connection, result, began: unframer.began, idle: idle.expired() });
  }
  return { status, stdout: unframer.output, stderr: result.stderr };
}

/** The argument vector up to the host. Pure but for the directory of the control socket, which it makes. */
export function sshArguments(connection: Connection): string[] {
  return [
    "-T",
    ...["-o", "BatchMode=yes"],
    ...["-o", "ConnectTimeout=10"],
    ...["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"],
    ...["-o", "ControlMaster=auto", "-o", `ControlPath="${controlPath(connection)}"`],
    ...["-o", `ControlPersist=${String(persistSeconds)}`],
    ...["-o", "RequestTTY=no", "-o", "ForwardAgent=no", "-o", "ClearAllForwardings=yes"],
    ...connectionArguments(connection),
  ];
}

/** What the inventory says of the connection, as words for ssh; the operator's own last. Pure. */
export function connectionArguments(connection: Connection): string[] {
  return [
    ...(connection.port === undefined ? [] : ["-p", String(connection.port)]),
    ...(connection.user === undefined ? [] : ["-l", connection.user]),
    ...(connection.keyFile === undefined ? [] : ["-i", connection.keyFile]),
    ...connection.sshArgs,
  ];
}

/**
 * A socket in a private folder with a short path: its name has room for about 100 bytes, and ssh adds 17. It is named
 * by all that the inventory says of the connection, and by ssh's %C: that alone knows neither jump hosts nor keys, so
 * two hosts with one address behind different bastions would share a connection.
 * Throws LbctlError `invalid` when the folder belongs to somebody else.
 */
function controlPath(connection: Connection): string {
  const uid = process.getuid?.() ?? 0;
  const runtime = process.env.XDG_RUNTIME_DIR;
  const base = runtime !== undefined && existsSync(runtime) ? runtime : join(homedir(), ".ssh");
  const folder = base.length > 30 ? `/tmp/lbctl-${String(uid)}` : join(base, "lbctl");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
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
