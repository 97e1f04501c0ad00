import type { Connection, SshConnection } from "../model/fleet.ts";
import { instance } from "./instance.ts";
import { local } from "./local.ts";
import type { NodeSshRemote } from "./node-ssh.ts";
import { answers, hasLiveMaster, openSsh, startMaster } from "./openssh.ts";
import type { Remote } from "./port.ts";
import { NoLink } from "./run.ts";
import { effectiveConfig, type AskSsh, type EffectiveConfig } from "./ssh-config.ts";

/** `auto` decides for each host; `openssh` runs the system's client; `node-ssh` speaks the protocol in this process. */
export type Transport = "auto" | "openssh" | "node-ssh";

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
  askSsh: AskSsh,
  closing: AbortSignal,
): Promise<Chosen> {
  const why = "its ansible_connection";
  if (connection.kind === "local") return { remote: local(name, connection), how: "a local shell", why };
  if (connection.kind !== "ssh") {
    return { remote: instance(name, connection), how: `${connection.kind} exec`, why };
  }
  if (transport !== "node-ssh" && (await hasLiveMaster(connection))) {
    return { remote: openSsh(name, connection), how: "OpenSSH", why: "its last connection is still open" };
  }
  if (transport === "openssh") {
    const config = await effectiveConfig(name, connection, askSsh);
    return overOpenSsh(name, connection, "--transport openssh", config);
  }
  // the library loads while ssh tells its settings
  const library = import("./node-ssh.ts");
  const config = await effectiveConfig(name, connection, askSsh);
  const remote = (await library).nodeSsh(name, connection, config, closing);
  return transport === "auto"
    ? automatic(name, connection, config, remote)
    : {
        remote,
        how: "node-ssh",
        why: "--transport node-ssh",
      };
}

/** What node-ssh cannot do, OpenSSH does; the rest is faster over node-ssh, whose key exchange costs less. */
async function automatic(
  name: string,
  connection: SshConnection,
  config: EffectiveConfig,
  remote: NodeSshRemote,
): Promise<Chosen> {
  if (config.hasOpenSsh && (await isLive(config.controlPath))) {
    return overOpenSsh(name, connection, "your own ssh connection is open", config);
  }
  const waited = startWaiting();
  const instead = await remote.connect().then(
    () => undefined,
    (error: unknown) => (error instanceof NoLink ? error.instead : undefined),
  );
  if (instead !== undefined && config.hasOpenSsh) return overOpenSsh(name, connection, instead, config);
  return {
    remote: config.hasOpenSsh ? keepingWarm(remote, connection, waited()) : remote,
    how: "node-ssh",
    why: config.hasOpenSsh ? "faster than ssh for a new connection" : "there is no ssh on this machine",
  };
}

/** Where a new connection takes its time, the next command should find an open one. */
function keepingWarm(remote: Remote, connection: SshConnection, waitedMs: number): Remote {
  if (waitedMs < longWaitMs) return remote;
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

/** Time since then in which this process had nothing to do: many hosts at once make each slow, and none far. */
function startWaiting(): () => number {
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return performance.now() - begun - (user + system) / 1000;
  };
}

async function overOpenSsh(
  name: string,
  connection: SshConnection,
  why: string,
  { careless, controlPath: own }: EffectiveConfig,
): Promise<Chosen> {
  const words = [
    ...(careless ? acceptNewOnly : []),
    ...(own !== null && (await isLive(own)) ? ["-o", `ControlPath="${own}"`, "-o", "ControlMaster=no"] : []),
  ];
  return { remote: openSsh(name, connection, words), how: "OpenSSH", why };
}

/** StrictHostKeyChecking `no` would go on with a key that has changed: then somebody may be in between. */
const acceptNewOnly = ["-o", "StrictHostKeyChecking=accept-new"];

function isLive(path: string | null): Promise<boolean> {
  return path === null || /["%]/.test(path) ? Promise.resolve(false) : answers(path);
}
