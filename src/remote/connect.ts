import type { Host } from "../model/fleet.ts";
import { openSsh } from "./openssh.ts";
import type { Remote } from "./port.ts";

/** `openssh` runs the system's client; `node-ssh` speaks the protocol in this process. */
export type Transport = "openssh" | "node-ssh";

/** One way to each host, opened at its first run. */
export interface Connections {
  readonly to: (host: Host) => Remote;
  /** Nothing keeps the process waiting after this. */
  readonly close: () => Promise<void>;
}

export function openConnections(transport: Transport): Connections {
  const remotes = new Map<string, Remote>();
  return {
    to(host) {
      const remote = remotes.get(host.name) ?? open(host, transport);
      remotes.set(host.name, remote);
      return remote;
    },
    async close() {
      await Promise.all([...remotes.values()].map((remote) => remote.close()));
    },
  };
}

/** The heavier library is loaded only when it is chosen, and only when it is used. */
function open(host: Host, transport: Transport): Remote {
  if (transport === "openssh") return openSsh(host.name, host.connection);
  let loaded: Promise<Remote> | undefined;
  const load = async (): Promise<Remote> =>
    (await import("./node-ssh.ts")).nodeSsh(host.name, host.connection);
  return {
    host: host.name,
    run: async (request) => (await (loaded ??= load())).run(request),
    close: async () => (await loaded)?.close(),
  };
}
