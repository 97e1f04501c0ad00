import type { Socket } from "node:net";
import type { SshConnection } from "../model/fleet.ts";
import { unlessAborted } from "./abort.ts";
import { dial } from "./dial.ts";
import { messageOf, openLink, type Link } from "./link.ts";
import type { Remote } from "./port.ts";
import { lostWhileRunning, remoteOver, type LinkProblem, type Lost, type Streams } from "./run.ts";
import type { EffectiveConfig } from "./ssh-config.ts";
import { nameTarget, noSession, notRun, unreached } from "./ssh-failure.ts";

/** A Remote that can be connected before its first run. */
export interface NodeSshRemote extends Remote {
  /** Throws NoLink, as does the run after it. */
  readonly connect: () => Promise<void>;
}

/**
 * A host reached in this process, without an ssh client. It honours what `ssh -G` says or refuses it (NoLink with
 * `instead`); a host key is accepted, and a new one written down, where OpenSSH would do so. `socket` is for the first
 * link, when somebody has dialled already.
 */
export function nodeSsh(
  host: string,
  connection: SshConnection,
  config: EffectiveConfig,
  closing: AbortSignal,
  socket?: Promise<Socket>,
): NodeSshRemote {
  const target = nameTarget(config.user, config.hostName, config.port === 22 ? undefined : config.port);
  const to = { target, config, keyFile: connection.keyFile };
  let opened: Promise<Link> | undefined;
  let established: Link | undefined;
  let dialled = socket;
  const take = (): Promise<Socket> => {
    const first = dialled;
    dialled = undefined;
    return first ?? dial(config.hostName, config.port, closing);
  };
  const link = (): Promise<Link> =>
    (opened ??= openLink(to, take, () => (opened = undefined)).then((ssh) => (established = ssh)));
  const remote = remoteOver(host, connection, {
    target,
    async exec(command, streams) {
      try {
        return await execOn(link, () => openLink(to, take), command, streams);
      } catch (error) {
        opened = undefined; // so that the next run tries anew
        throw error;
      }
    },
    explain: (lost) => explainNodeSsh(target, lost),
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
  link: () => Promise<Link>,
  another: () => Promise<Link>,
  command: string,
  streams: Streams,
): Promise<string> {
  const first = await unlessAborted(link(), streams.signal);
  if (!first) return "";
  const outcome = await exec(first, command, streams);
  // it takes no further session, or has gone since the last run
  if (outcome !== noSession) return outcome;
  const own = await unlessAborted(another(), streams.signal);
  if (!own) return "";
  return exec(own, command, streams).finally(() => {
    own.dispose();
  });
}

/** Says why a run has no result. Pure. */
function explainNodeSsh(target: string, lost: Lost): LinkProblem {
  if (lost.began) return lostWhileRunning(target, lost.cause);
  return lost.cause.startsWith(ended) ? notRun(target, lost) : unreached(target, lost.cause);
}

const ended = "the command ended with";

/** Resolves with a word on the end: a lost link sends no end of the command, and its exit code is null. */
async function exec(ssh: Link, command: string, streams: Streams): Promise<string> {
  let endSession: (() => void) | undefined;
  const running = ssh
    .execCommand(command, {
      stdin: streams.input,
      noTrim: true,
      onChannel: (channel) => {
        channel.on("error", () => undefined);
        endSession = () => {
          channel.close();
        };
      },
      onStdout: streams.onOutput,
      onStderr: streams.onError,
    })
    .then(
      ({ code }) => (code === null ? "the connection was lost" : `${ended} ${String(code)}`),
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
  const outcome = await unlessAborted(Promise.race([running, closed]), streams.signal);
  connection?.off("close", onClose);
  if (outcome !== undefined) return outcome;
  // what else runs on the link goes on, unless nothing can
  if (endSession && !streams.silent()) endSession();
  else ssh.dispose();
  return "";
}
