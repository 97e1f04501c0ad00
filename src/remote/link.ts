import type { Socket } from "node:net";
import { NodeSSH } from "node-ssh";
import { checkHostKey } from "./check-host-key.ts";
import { connectTimeoutMs } from "./dial.ts";
import { hearGreeting } from "./greeting.ts";
import { preferKnown } from "./host-key.ts";
import { readIdentity, type Identity } from "./identity.ts";
import { findKnownKeys, knownHostsNames, type KnownKeys } from "./known-hosts.ts";
import { explainLoginFailure } from "./login-failure.ts";
import { leaveIt, loginMethods, refuseKeysOfOpenSsh, refuseUnknownHost, type LoginMethod } from "./logins.ts";
import { answers } from "./openssh.ts";
import { NoLink } from "./run.ts";
import type { EffectiveConfig } from "./ssh-config.ts";
import { turnedAway, unreached } from "./ssh-failure.ts";

/** A connection that is logged in. */
export type Link = NodeSSH;

export interface Destination {
  /** The host in messages. */
  readonly target: string;
  readonly config: EffectiveConfig;
  /** The inventory's. */
  readonly keyFile: string | undefined;
}

/** Throws NoLink. `dial` is the way there; `onClose` is called when the link has gone. */
export async function openLink(
  to: Destination,
  dial: () => Promise<Socket>,
  onClose?: () => void,
): Promise<Link> {
  const { target, config } = to;
  const [needed] = config.needsOpenSsh;
  if (needed !== undefined) throw leaveIt(`"${needed}" of your ssh settings`, needed);
  const names = knownHostsNames(config.hostName, config.port, config.hostKeyAlias);
  const [known, identities, agent, socket] = await Promise.all([
    findKnownKeys(names, config.knownHostsFiles),
    Promise.all(config.identityFiles.map(readIdentity)),
    config.agent === null ? null : answers(config.agent).then((alive) => (alive ? config.agent : null)),
    dial().catch((error: unknown) => new NoLink(unreached(target, messageOf(error)))),
  ]);
  try {
    if (socket instanceof NoLink) throw socket;
    // gone while the files were read: the library would wait for it
    if (socket.destroyed) throw new NoLink(turnedAway(target));
    refuseKeysOfOpenSsh(identities, config);
    refuseUnknownHost(target, known, config);
    const ssh = await login(to, known, identities, loginMethods(config, identities, agent), socket);
    ssh.connection?.on("error", () => undefined).on("close", () => onClose?.());
    return ssh;
  } catch (error) {
    if (!(socket instanceof NoLink)) socket.destroy();
    throw error;
  }
}

async function login(
  { target, keyFile, config }: Destination,
  known: readonly KnownKeys[],
  identities: readonly (Identity | undefined)[],
  methods: LoginMethod[],
  socket: Socket,
): Promise<Link> {
  const ssh = new NodeSSH();
  const greeting = hearGreeting(socket.pause());
  const hostKey = checkHostKey(target, config, known, greeting);
  try {
    const { algorithms } = config;
    const connecting = ssh.connect({
      sock: socket,
      username: config.user,
      readyTimeout: connectTimeoutMs,
      keepaliveInterval: 5000,
      keepaliveCountMax: 3,
      algorithms: {
        ...algorithms,
        serverHostKey: preferKnown(algorithms.serverHostKey, known[0]?.types ?? []),
      },
      hostVerifier: hostKey.verify,
      authHandler: methods,
    });
    ssh.connection?.once("handshake", hostKey.proved).once("handshake", askForNoProofs(ssh.connection));
    await connecting;
    if (ssh.connection) acknowledgeAtOnce(ssh.connection, socket);
    return ssh;
  } catch (error) {
    ssh.dispose();
    const refusal = hostKey.refusal();
    if (refusal) throw refusal;
    throw explainLoginFailure(messageOf(error), { target, keyFile, identities, isSsh: greeting.isSsh() });
  } finally {
    greeting.stop();
  }
}

/**
 * After a login ssh2 has an OpenSSH server prove each of its other host keys, for those who would record them: three
 * signatures on both sides and a round trip that nobody here needs. It asks no server of a version it does not know.
 */
function askForNoProofs(client: NonNullable<NodeSSH["connection"]>): () => void {
  return () => {
    Reflect.set(client, "_remoteVer", "");
  };
}

/**
 * Until a session runs, sshd sends its next small packet when the last one is acknowledged (Nagle's algorithm), and the
 * kernel here delays that by 40 ms unless there is something to send: a request that does nothing and has no answer.
 */
function acknowledgeAtOnce(client: NonNullable<NodeSSH["connection"]>, socket: Socket): void {
  let left = 3; // its host keys, in two, and that the session is open
  const acknowledge = (): void => {
    client.unforwardIn("", 0);
    left -= 1;
    if (left === 0) socket.off("data", acknowledge);
  };
  socket.on("data", acknowledge);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
