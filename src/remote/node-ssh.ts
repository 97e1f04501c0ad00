import type { Socket } from "node:net";
import { NodeSSH } from "node-ssh";
import type { SshConnection } from "../model/fleet.ts";
import { unlessAborted } from "./abort.ts";
import { judgeKey, preferKnown } from "./host-key.ts";
import { dial, connectTimeoutMs } from "./dial.ts";
import { readIdentity } from "./identity.ts";
import { findKnownKeys, knownHostsNames, type KnownKeys } from "./known-hosts.ts";
import { leaveIt, loginMethods, refuseKeysOfOpenSsh, refuseUnknownHost, type LoginMethod } from "./logins.ts";
import { answers } from "./openssh.ts";
import type { Remote } from "./port.ts";
import { lostWhileRunning, NoLink, remoteOver, type LinkProblem, type Streams } from "./run.ts";
import type { EffectiveConfig } from "./ssh-config.ts";
import { refusedLogin, turnedAway, unreached } from "./ssh-failure.ts";

/** A Remote that can be connected before its first run. */
export interface NodeSshRemote extends Remote {
  /** Throws NoLink, as does the run after it. */
  readonly connect: () => Promise<void>;
}

/**
 * A host reached in this process, without an ssh client. It honours what `ssh -G` says or refuses it (NoLink with
 * `instead`); a host key must be known, whatever StrictHostKeyChecking says.
 */
export function nodeSsh(
  host: string,
  connection: SshConnection,
  config: EffectiveConfig,
  closing: AbortSignal,
): NodeSshRemote {
  const target = `${config.user}@${config.hostName}${config.port === 22 ? "" : `:${String(config.port)}`}`;
  let opened: Promise<NodeSSH> | undefined;
  let established: NodeSSH | undefined;
  const link = (): Promise<NodeSSH> =>
    (opened ??= open(target, config, closing, () => (opened = undefined)).then((ssh) => (established = ssh)));
  const remote = remoteOver(host, connection, {
    target,
    async exec(command, streams) {
      try {
        return await execOn(link, () => open(target, config, closing), command, streams);
      } catch (error) {
        opened = undefined; // so that the next run tries anew
        throw error;
      }
    },
    explain: ({ began, cause }) => (began ? lostWhileRunning(target, cause) : unreached(target, cause)),
    close() {
      // one that is still being made is `closing`'s to end
      established?.dispose();
      return Promise.resolve();
    },
  });
  return { ...remote, connect: () => link().then(() => undefined) };
}

/** Runs on the kept connection; on one of its own where that takes none (MaxSessions) or has gone. */
async function execOn(
  link: () => Promise<NodeSSH>,
  another: () => Promise<NodeSSH>,
  command: string,
  streams: Streams,
): Promise<string> {
  const first = await unlessAborted(link(), streams.signal);
  if (!first) return "";
  const outcome = await exec(first, command, streams);
  if (outcome !== noSession) return outcome;
  const own = await unlessAborted(another(), streams.signal);
  if (!own) return "";
  return exec(own, command, streams).finally(() => {
    own.dispose();
  });
}

/** Nothing was run: it takes no further session, or has gone since the last run. */
const noSession = "sshd opens no session (MaxSessions?)";

/** Resolves with a word on the end: a lost link sends no end of the command, and its exit code is null. */
async function exec(ssh: NodeSSH, command: string, streams: Streams): Promise<string> {
  const running = ssh
    .execCommand(command, {
      stdin: streams.input,
      noTrim: true,
      onChannel: (channel) => channel.on("error", () => undefined),
      onStdout: streams.onOutput,
      onStderr: streams.onError,
    })
    .then(
      ({ code }) => (code === null ? "the connection was lost" : `the command ended with ${String(code)}`),
      (error: unknown) => (/open failure|not connected/i.test(String(error)) ? noSession : messageOf(error)),
    );
  const { connection } = ssh;
  let onClose = (): void => undefined;
  const closed = new Promise<string>((resolve) => {
    onClose = () => {
      resolve("the connection was lost");
    };
    connection?.once("close", onClose);
  });
  const ended = await unlessAborted(Promise.race([running, closed]), streams.signal);
  connection?.off("close", onClose);
  if (ended === undefined) ssh.dispose();
  return ended ?? "";
}

/** Throws NoLink. `onClose` is called when the link has gone. */
async function open(
  target: string,
  config: EffectiveConfig,
  closing: AbortSignal,
  onClose?: () => void,
): Promise<NodeSSH> {
  const [needed] = config.needsOpenSsh;
  if (needed !== undefined) throw leaveIt(`"${needed}" of your ssh settings`, needed);
  const names = knownHostsNames(config.hostName, config.port, config.hostKeyAlias);
  const [known, identities, agent, socket] = await Promise.all([
    findKnownKeys(names, config.knownHostsFiles),
    Promise.all(config.identityFiles.map(readIdentity)),
    config.agent === null ? null : answers(config.agent).then((alive) => (alive ? config.agent : null)),
    dial(config.hostName, config.port, closing).catch(
      (error: unknown) => new NoLink(unreached(target, messageOf(error))),
    ),
  ]);
  try {
    if (socket instanceof NoLink) throw socket;
    refuseKeysOfOpenSsh(identities, config);
    refuseUnknownHost(target, known);
    const ssh = await login(target, config, known, loginMethods(config, identities, agent), socket);
    ssh.connection?.on("error", () => undefined).on("close", () => onClose?.());
    return ssh;
  } catch (error) {
    if (!(socket instanceof NoLink)) socket.destroy();
    throw error;
  }
}

async function login(
  target: string,
  config: EffectiveConfig,
  known: KnownKeys,
  methods: LoginMethod[],
  socket: Socket,
): Promise<NodeSSH> {
  const ssh = new NodeSSH();
  let refused: LinkProblem | undefined;
  const seen = { greeting: false };
  try {
    const { algorithms } = config;
    const connecting = ssh.connect({
      sock: socket,
      username: config.user,
      readyTimeout: connectTimeoutMs,
      keepaliveInterval: 5000,
      keepaliveCountMax: 3,
      algorithms: { ...algorithms, serverHostKey: preferKnown(algorithms.serverHostKey, known.types) },
      hostVerifier: (key: Buffer) => {
        refused = judgeKey(key, known, target, config.minRsaBits);
        return refused === undefined;
      },
      authHandler: methods,
    });
    // after ssh2 has paused the socket, or its first bytes were lost on it
    socket.once("data", (chunk: Buffer) => (seen.greeting = chunk.includes("SSH-")));
    await connecting;
    return ssh;
  } catch (error) {
    ssh.dispose();
    if (refused) throw new NoLink(refused);
    const message = messageOf(error);
    if (/authentication methods failed/i.test(message)) {
      throw new NoLink(
        refusedLogin(target, config.identityFiles.length === 1 ? config.identityFiles[0] : undefined),
        "node-ssh could not log in",
      );
    }
    if (/no matching/i.test(message))
      throw leaveIt(`what ${target} speaks (${message})`, "node-ssh has none of its algorithms");
    throw new NoLink(
      seen.greeting || /timed out/i.test(message) ? unreached(target, message) : turnedAway(target),
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
