import type { Connection, SshConnection } from "../model/fleet.ts";
import { instance } from "./instance.ts";
import { local } from "./local.ts";
import type { NodeSshRemote } from "./node-ssh.ts";
import { answers, hasLiveMaster, onlyKnown, openSsh, startMaster } from "./openssh.ts";
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
  const asking = (): Promise<EffectiveConfig> => effectiveConfig(name, connection, askSsh);
  if (transport !== "node-ssh" && (await hasLiveMaster(connection))) {
    return overOpenSsh(name, connection, "its last connection is still open", asking);
  }
  if (transport === "openssh") return overOpenSsh(name, connection, "--transport openssh", asking);
  // the library loads while ssh tells its settings
  const library = import("./node-ssh.ts");
  const config = await asking();
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
  const told = (): Promise<EffectiveConfig> => Promise.resolve(config);
  if (config.withoutSsh === null && (await ownConnection(config)) !== null) {
    return overOpenSsh(name, connection, "your own ssh connection is open", told);
  }
  const waited = startWaiting();
  const instead = await remote.connect().then(
    () => undefined,
    (error: unknown) => (error instanceof NoLink ? error.instead : undefined),
  );
  if (instead !== undefined && config.withoutSsh === null)
    return overOpenSsh(name, connection, instead, told);
  return {
    remote: config.withoutSsh === null ? keepingWarm(remote, connection, waited()) : remote,
    how: "node-ssh",
    why: config.withoutSsh ?? "faster than ssh for a new connection",
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

/** `asking` tells the settings of the host; it is called when no connection of lbctl's is open. */
function overOpenSsh(
  name: string,
  connection: SshConnection,
  why: string,
  asking: () => Promise<EffectiveConfig>,
): Chosen {
  let asked: Promise<EffectiveConfig> | undefined;
  // before each run: a connection that was open then may have gone meanwhile, and the next one is verified
  const firstWords = async (): Promise<readonly string[]> => {
    if (await hasLiveMaster(connection)) return onlyKnown;
    const config = await (asked ??= asking());
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
