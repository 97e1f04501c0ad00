import type { Socket } from "node:net";
import type { Connection, SshConnection } from "../model/fleet.ts";
import { dial } from "./dial.ts";
import { instance } from "./instance.ts";
import { local } from "./local.ts";
import type { NodeSshRemote } from "./node-ssh.ts";
import { answers, hasLiveMaster, onlyKnown, openSsh, sharingNothing, startMaster } from "./openssh.ts";
import type { Remote } from "./port.ts";
import { NoLink } from "./run.ts";
import { effectiveConfig, type AskSsh, type EffectiveConfig } from "./ssh-config.ts";

/** `auto` decides for each host; `openssh` runs the system's client; `node-ssh` speaks the protocol in this process. */
export type Transport = "auto" | "openssh" | "node-ssh";

/** `new`: an open connection, be it lbctl's or the operator's, is not used, and none is left behind. */
export type Warmth = "any" | "new";

export interface Chosen {
  readonly remote: Remote;
  readonly how: string;
  readonly why: string;
}

/** `closing` ends what is still being made. Throws LbctlError `invalid` for settings that ssh does not accept. */
export async function choose(
  name: string,
  connection: Connection,
  transport: Transport,
  warmth: Warmth,
  askSsh: AskSsh,
  closing: AbortSignal,
): Promise<Chosen> {
  const why = "its ansible_connection";
  if (connection.kind === "local") return { remote: local(name, connection), how: "a local shell", why };
  if (connection.kind !== "ssh") {
    return { remote: instance(name, connection), how: `${connection.kind} exec`, why };
  }
  const asking = (): Promise<EffectiveConfig> => effectiveConfig(name, connection, askSsh);
  if (transport !== "node-ssh" && warmth === "any" && (await hasLiveMaster(connection))) {
    return overOpenSsh(name, connection, "its last connection is still open", warmth, asking, true);
  }
  if (transport === "openssh") return overOpenSsh(name, connection, "--transport openssh", warmth, asking);
  const config = await asking();
  const dialled = greetedMeanwhile(config, closing);
  const { nodeSsh } = await import("./node-ssh.ts");
  const remote = nodeSsh(name, connection, config, closing, dialled?.socket);
  return transport === "auto"
    ? automatic(name, connection, config, warmth, remote, dialled?.isNear)
    : {
        remote,
        how: "node-ssh",
        why: "--transport node-ssh",
      };
}

interface Dialled {
  readonly socket: Promise<Socket>;
  /** TCP took so little that the host is near, whatever its login takes. */
  readonly isNear: () => boolean;
}

/** The host makes its greeting while the library loads; undefined when that may not be needed. */
function greetedMeanwhile(config: EffectiveConfig, closing: AbortSignal): Dialled | undefined {
  if (config.needsOpenSsh.length > 0 || config.controlPath !== null) return undefined;
  const waited = startWaiting();
  let isNear = false;
  const socket = dial(config.hostName, config.port, closing);
  socket.then(
    // a forwarded port is near, and what is behind it may not be
    ({ remoteAddress = "" }) =>
      (isNear = waited() < nearMs && !/^(?:127\.|::1$|::ffff:127\.)/.test(remoteAddress)),
    () => undefined, // told when it is needed
  );
  return { socket, isNear: () => isNear };
}

/** What node-ssh cannot do, OpenSSH does; the rest is faster over node-ssh, whose key exchange costs less. */
async function automatic(
  name: string,
  connection: SshConnection,
  config: EffectiveConfig,
  warmth: Warmth,
  remote: NodeSshRemote,
  isNear: () => boolean = () => false,
): Promise<Chosen> {
  const told = (): Promise<EffectiveConfig> => Promise.resolve(config);
  if (config.withoutSsh === null && warmth === "any" && (await ownConnection(config)) !== null) {
    return overOpenSsh(name, connection, "your own ssh connection is open", warmth, told);
  }
  const waited = startWaiting();
  const instead = await remote.connect().then(
    () => undefined,
    (error: unknown) => (error instanceof NoLink ? error.instead : undefined),
  );
  if (instead !== undefined && config.withoutSsh === null)
    return overOpenSsh(name, connection, instead, warmth, told);
  const isFar = waited() >= longWaitMs && !isNear();
  return {
    remote:
      isFar && config.withoutSsh === null && warmth === "any" ? keepingWarm(remote, connection) : remote,
    how: "node-ssh",
    why: config.withoutSsh ?? "faster than ssh for a new connection",
  };
}

/** Where a new connection takes its time, the next command should find an open one. */
function keepingWarm(remote: Remote, connection: SshConnection): Remote {
  return {
    ...remote,
    async close() {
      await remote.close();
      startMaster(connection);
    },
  };
}

/** Seven round trips of a host that is some 10 ms away. */
const longWaitMs = 100;
/** One of them, on a busy machine. */
const nearMs = 10;

/** Time since then in which this process had nothing to do: many hosts at once make each slow, and none far. */
function startWaiting(): () => number {
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return performance.now() - begun - (user + system) / 1000;
  };
}

/** `asking` tells the settings of the host; it is called when no connection of lbctl's is open. `seen`: one just was. */
function overOpenSsh(
  name: string,
  connection: SshConnection,
  why: string,
  warmth: Warmth,
  asking: () => Promise<EffectiveConfig>,
  seen = false,
): Chosen {
  let asked: Promise<EffectiveConfig> | undefined;
  let isLive = seen;
  // before each run: a connection that was open then may have gone meanwhile, and the next one is verified
  const firstWords = async (): Promise<readonly string[]> => {
    const live = warmth === "any" && (isLive || (await hasLiveMaster(connection)));
    isLive = false;
    if (live) return onlyKnown;
    const config = await (asked ??= asking());
    if (warmth === "new") return [...sharingNothing, ...(config.careless ? acceptNewOnly : [])];
    const own = await ownConnection(config);
    if (own !== null) return ["-o", `ControlPath="${own}"`, "-o", "ControlMaster=no"];
    return config.careless ? acceptNewOnly : [];
  };
  return { remote: openSsh(name, connection, firstWords), how: "OpenSSH", why };
}

/** StrictHostKeyChecking `no` would go on with a key that has changed: then somebody may be in between. */
const acceptNewOnly = ["-o", "StrictHostKeyChecking=accept-new"];

/** The operator's own open connection; not one that may have been made with whoever answered. */
async function ownConnection({ controlPath, careless }: EffectiveConfig): Promise<string | null> {
  if (controlPath === null || careless || /["%]/.test(controlPath)) return null;
  return (await answers(controlPath)) ? controlPath : null;
}
