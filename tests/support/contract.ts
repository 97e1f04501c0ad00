import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LbctlError } from "../../src/errors.ts";
import type { Connection } from "../../src/model/fleet.ts";
import type { Transport } from "../../src/remote/choose.ts";
import { openConnections, type Connections } from "../../src/remote/connect.ts";
import type { Remote, RemoteResult, RemoteScript } from "../../src/remote/port.ts";
import { makeHost } from "./fleet.ts";
import { labConnection, otherHost, startDaemons, stopDaemons } from "./sshd.ts";

/** What a transport promises; each is asked of all, or left out by name. */
type Kind =
  | "scripts"
  | "host keys"
  | "logins"
  | "a link cut at any byte"
  | "a target that swallows everything"
  | "sessions"
  | "shells"
  | "sudo";

/** A transport under contract; `without` says why a promise makes no sense for it. */
interface Ground {
  readonly name: string;
  readonly transport: Transport;
  readonly connection: () => Connection;
  readonly without: Readonly<Partial<Record<Kind, string>>>;
}

/** A container, entered by Incus. */
export function instanceConnection(over: object = {}): Connection {
  const instance = otherHost;
  return { kind: "incus", remote: "local", project: "lbctl-lab", instance, become: true, ...over };
}

const noSshd = {
  "host keys": "the daemon's own socket is the trust; there is no host key",
  logins: "there is no login",
  "a link cut at any byte": "there is no network; the client is killed instead",
  "a target that swallows everything": "there is no network; the target is stopped instead",
  sessions: "there is no sshd",
  shells: "the shell of another container would have to be replaced",
  sudo: "one is root already",
};
const grounds: readonly Ground[] = [
  { name: "OpenSSH", transport: "openssh", connection: labConnection, without: {} },
  { name: "node-ssh", transport: "node-ssh", connection: labConnection, without: {} },
  { name: "auto", transport: "auto", connection: labConnection, without: {} },
  { name: "incus exec", transport: "auto", connection: instanceConnection, without: noSshd },
  {
    name: "local",
    transport: "auto",
    connection: () => ({ kind: "local", become: false }),
    without: noSshd,
  },
];

/** The several sshd run while the tests of a file do. */
export function useDaemons(): void {
  beforeAll(startDaemons);
  afterAll(stopDaemons);
}

/** One transport, as the promises see it. */
interface UnderContract {
  readonly transport: Transport;
  readonly connection: () => Connection;
  /** Closed when all tests of the kind are done. */
  readonly open: (to: Connection) => Remote;
  readonly run: (request: RemoteScript, to?: Connection) => Promise<RemoteResult>;
  /** The error of a run that fails; it has a hint. */
  readonly failure: (to: Connection, request?: RemoteScript) => Promise<LbctlError>;
}

/** Asks promises of one kind of each transport. */
export function promises(kind: Kind, body: (of: UnderContract) => void): void {
  describe.each(grounds)("$name", ({ transport, connection, without }) => {
    const why = without[kind];
    if (why !== undefined) {
      test.skip(`${kind} (left out: ${why})`, () => undefined);
      return;
    }
    const opened: Connections[] = [];
    const open = (to: Connection): Remote => {
      const connections = openConnections(transport);
      opened.push(connections);
      return connections.to({ ...makeHost("target", "192.0.2.1"), connection: to });
    };
    const run = (request: RemoteScript, to = connection()) => open(to).run(request);
    const failure = async (to: Connection, request: RemoteScript = { script: "true" }) => {
      const error: unknown = await run(request, to).then(
        (result) => `no error: ${JSON.stringify(result)}`,
        (caught: unknown) => caught,
      );
      if (!(error instanceof LbctlError)) throw new Error(String(error));
      expect(error.problems[0]?.hint).toBeTruthy();
      return error;
    };
    afterAll(async () => {
      await Promise.all(opened.map((connections) => connections.close()));
    });
    describe.concurrent(kind, () => {
      body({ transport, connection, open, run, failure });
    });
  });
}
