import type { Host } from "../model/fleet.ts";
import { unlessAborted } from "./abort.ts";
import { choose, type Chosen, type Transport, type Warmth } from "./choose.ts";
import type { Reachable, Remote } from "./port.ts";
import { interrupted } from "./run.ts";
import { askOnce, type AskSsh } from "./ssh-config.ts";

/** How a host is reached, and why so: for people. */
interface Choice {
  readonly host: string;
  readonly how: string;
  readonly why: string;
}

/** One way to each host, opened at its first run. */
export interface Connections {
  readonly to: (host: Host) => Reachable;
  /** Nothing keeps the process waiting after this. */
  readonly close: () => Promise<void>;
}

export interface ConnectOptions {
  /** Told once for each host, when it is first reached. */
  readonly onChoice?: (choice: Choice) => void;
  /** What sudo is told on hosts that have no password of their own. */
  readonly becomePassword?: () => string;
}

export function openConnections(transport: Transport, options: ConnectOptions = {}): Connections {
  const remotes = new Map<string, Reachable>();
  const askSsh = askOnce();
  return {
    to(host) {
      const remote = remotes.get(host.name) ?? {
        ...open(host, transport, "any", askSsh, options),
        anew: () => open(host, transport, "new", askSsh, { ...options, onChoice: () => undefined }),
      };
      remotes.set(host.name, remote);
      return remote;
    },
    async close() {
      await Promise.all([...remotes.values()].map((remote) => remote.close()));
    },
  };
}

function open(
  host: Host,
  transport: Transport,
  warmth: Warmth,
  askSsh: AskSsh,
  options: ConnectOptions,
): Remote {
  const { name } = host;
  const { becomePassword } = options;
  const connection = { ...(becomePassword && { becomePassword }), ...host.connection };
  const closing = new AbortController();
  let chosen: Promise<Chosen> | undefined;
  let made: Chosen | undefined;
  const decide = (): Promise<Chosen> => {
    chosen = choose(name, connection, transport, warmth, askSsh, closing.signal);
    chosen.then(
      (choice) => {
        made = choice;
        options.onChoice?.({ host: name, how: choice.how, why: choice.why });
      },
      () => (chosen = undefined),
    );
    return chosen;
  };
  return {
    host: name,
    async run(request) {
      const choice = await unlessAborted(chosen ?? decide(), request.signal);
      if (!choice) throw interrupted(name);
      return choice.remote.run(request);
    },
    async close() {
      await made?.remote.close();
      closing.abort(); // a connection that is still being made is not waited for
    },
  };
}
