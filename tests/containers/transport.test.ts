import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LbctlError } from "../../src/errors.ts";
import type { Connection, SshConnection } from "../../src/model/fleet.ts";
import type { Transport } from "../../src/remote/choose.ts";
import { openConnections, type Connections } from "../../src/remote/connect.ts";
import type { RemoteScript } from "../../src/remote/port.ts";
import { makeHost } from "../support/fleet.ts";
import { addressOf, incus } from "../support/lab.ts";
import { lbctl, run as runProgram } from "../support/lbctl.ts";
import { startRelay, type Relay, type RelayOptions } from "../support/relay.ts";
import {
  labConnection,
  otherHost,
  password,
  ports,
  sshHost,
  startDaemons,
  stopDaemons,
} from "../support/sshd.ts";

/** A transport under contract; `without` says why a promise makes no sense for it. */
interface Ground {
  readonly name: string;
  readonly transport: Transport;
  readonly connection: () => Connection;
  readonly without: Readonly<Record<string, string>>;
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
  {
    name: "incus exec",
    transport: "auto",
    connection: () => ({
      kind: "incus",
      remote: "local",
      project: "lbctl-lab",
      instance: otherHost,
      become: true,
    }),
    without: noSshd,
  },
  {
    name: "local",
    transport: "auto",
    connection: () => ({ kind: "local", become: false }),
    without: noSshd,
  },
];

const folder = mkdtempSync(join(tmpdir(), "lbctl-ssh-"));
const relays: Relay[] = [];
let files = 0;

/** A known_hosts of its own, in place of the lab's; a host key must be known under the address and port. */
function knowing(text: string, ...options: string[]): SshConnection {
  const file = join(folder, `known_hosts_${String(files++)}`);
  writeFileSync(file, text);
  const sshArgs = [...options, "-o", `UserKnownHostsFile=${file}`, "-o", "GlobalKnownHostsFile=none"];
  return { ...labConnection(), sshArgs: [...sshArgs, "-o", "IdentitiesOnly=yes"] };
}

/** The daemon's name and key for a known_hosts file. */
const known = { name: "", type: "ssh-ed25519", key: "" };
const wrongKey = "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
const ecdsaKey =
  "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDThd33pQ0NnSs0BDrlJ4EhDhJdLNPZWj+vVS8ZUVGmNPHGfcZZVdYl2PCVV0PxHZTSsCGmO5kkpTAGUGwvlnIs=";

async function relayTo(options: RelayOptions, port: number = ports.noisy): Promise<Relay> {
  const relay = await startRelay(addressOf(sshHost), port, options);
  relays.push(relay);
  return relay;
}

function through({ port }: Relay): SshConnection {
  return labConnection({ address: "127.0.0.1", port });
}

beforeAll(async () => {
  expect((await lbctl(["lab", "up", "--yes"])).code).toBe(0);
  await startDaemons();
  const scan = await runProgram("ssh-keyscan", ["-p", String(ports.noisy), addressOf(sshHost)]);
  const [name = "", , key = ""] = scan.stdout.split("\n")[0]?.split(" ") ?? [];
  Object.assign(known, { name, key });
});

afterAll(async () => {
  for (const relay of relays) relay.close();
  await stopDaemons();
});

describe.each(grounds)("$name", ({ transport, connection, without }) => {
  const opened: Connections[] = [];
  const told = new Set<string>();

  /** Several promises of one kind; a transport for which it makes no sense leaves it out by name. */
  const promises = (kind: string, body: () => void): void => {
    told.add(kind);
    const why = without[kind];
    if (why === undefined) describe.concurrent(kind, body);
    else test.skip(`${kind} (left out: ${why})`, () => undefined);
  };
  const open = (to: Connection) => {
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
    expect([...told]).toEqual(expect.arrayContaining(Object.keys(without)));
  });

  promises("scripts", () => {
    test("a script has its output, error output and exit status, without banner or shell noise", async () => {
      const result = await run({ script: "echo out; echo err >&2; exit 255" });
      expect(result).toEqual({ status: 255, stdout: "out\n", stderr: "err\n" });
    });

    test("lines are told as they come", async () => {
      const times: number[] = [];
      await run({ script: "echo a; sleep 1.5; echo b", onLine: () => times.push(performance.now()) });
      expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(300);
    });

    test("20 MB of any bytes arrive as they were sent", async () => {
      const payload = Buffer.alloc(20 * 1024 * 1024, Buffer.from(Array.from({ length: 256 }, (_, n) => n)));
      const { stdout } = await run({ script: "sha256sum", payload });
      expect(stdout).toContain(createHash("sha256").update(payload).digest("hex"));
    });

    test("output of 5 MB comes back whole, whatever characters are in it", async () => {
      const { stdout } = await run({ script: "yes 'größer: \"$x\" \\' | head -c 5000000" });
      expect(Buffer.from(stdout).length).toBe(5_000_001);
      expect(stdout.startsWith('größer: "$x" \\\ngrößer')).toBe(true);
    });

    test("the shell's words are C's, whatever the login's locale", async () => {
      const script = 'echo "$LC_ALL"; printf "%.1f\\n" 1.5; ls /nowhere';
      const { stdout, stderr } = await run({ script });
      expect(stdout).toBe("C\n1.5\n");
      expect(stderr).toContain("No such file");
    });

    test("several scripts run at the same time on one connection", async () => {
      const remote = open(connection());
      const results = await Promise.all(
        [1, 2, 3].map((n) => remote.run({ script: `sleep 0.2; echo ${String(n)}` })),
      );
      expect(results.map(({ stdout }) => stdout)).toEqual(["1\n", "2\n", "3\n"]);
    });

    test("an interruption ends a run at once", async () => {
      const abort = new AbortController();
      setTimeout(() => {
        abort.abort();
      }, 300);
      const begun = performance.now();
      const error: unknown = await run({ script: "sleep 20", signal: abort.signal }).catch((e: unknown) => e);
      expect(error).toMatchObject({ code: "interrupted" });
      expect(performance.now() - begun).toBeLessThan(2500);
    });

    test("a target that stops is given up after the deadline, in words", async () => {
      const error = await failure(connection(), { script: "kill -STOP $$", idleTimeoutMs: 1000 });
      expect(error.code).toBe("unreachable");
      expect(error.message).toContain("stopped answering");
    });
  });

  promises("host keys", () => {
    const line = (key = known.key, type = known.type) => `${known.name} ${type} ${key}\n`;

    test("a key that is known by a hashed name and port is accepted", async () => {
      const to = knowing(line());
      const file = readdirSync(folder).find((name) => to.sshArgs.join(" ").includes(`${name} `)) ?? "";
      await runProgram("ssh-keygen", ["-H", "-f", join(folder, file)]);
      expect(readFileSync(join(folder, file), "utf8")).toMatch(/^\|1\|/);
      expect((await run({ script: "echo in" }, to)).stdout).toBe("in\n");
    });

    test.each<[string, () => string, RegExp, string[]?]>([
      ["an unknown key", () => "", /host key .* is unknown/],
      [
        "a changed key",
        () => `# mine\n${line(wrongKey)}`,
        /not the one that is known \(\S+known_hosts_\d+:2\)/,
      ],
      [
        "a changed key, though the user told ssh not to be strict",
        () => line(wrongKey),
        /not the one that is known/,
        ["-o", "StrictHostKeyChecking=no"],
      ],
      ["a revoked key", () => `${line()}@revoked * ${known.type} ${known.key}\n`, /is revoked/],
      [
        "a key of another type than the known one",
        () => line(ecdsaKey, "ecdsa-sha2-nistp256"),
        /host key .* is (?:unknown|not the one)/,
      ],
    ])("%s is refused", async (_, text, expected, options = []) => {
      const error = await failure(knowing(text(), ...options));
      expect(error.code).toBe("unreachable");
      expect(error.message).toMatch(expected);
    });
  });

  promises("logins", () => {
    test("a refused login says who and what, and is told from a script that ends with 255", async () => {
      const error = await failure(labConnection({ user: "nobody" }));
      expect(error.code).toBe("unreachable");
      expect(error.message).toMatch(/nobody@\S+ refused the login/);
    });

    test("a refused connection is told from a host that stops answering", async () => {
      const error = await failure(labConnection({ port: 9 }));
      expect(error.message).toMatch(/cannot be reached: .*refused/i);
    });
  });

  promises("a link cut at any byte", () => {
    const script = "echo out; cat | wc -c; exit 3";
    const payload = Buffer.alloc(50_000, 7);
    const outcome = async (relay: Relay) => {
      const begun = performance.now();
      const result = await run({ script, payload }, through(relay)).catch((error: unknown) => error);
      expect(performance.now() - begun).toBeLessThan(15_000);
      return result;
    };

    test.each(["server", "client"] as const)(
      "from the %s: an error or the true result, soon",
      async (from) => {
        const whole = await relayTo({});
        expect(await outcome(whole)).toEqual({ status: 3, stdout: "out\n50000\n", stderr: "" });
        const total = whole.seen[from];
        const spread = [
          1,
          22,
          45,
          ...Array.from({ length: 9 }, (_, n) => Math.floor((total * (n + 1)) / 10)),
        ];
        const outcomes = await Promise.all(
          [...spread, total - 60].map(async (bytes) => outcome(await relayTo({ cutAfter: { from, bytes } }))),
        );
        for (const each of outcomes) {
          if (each instanceof LbctlError) expect(each.code).toBe("unreachable");
          else expect(each).toEqual({ status: 3, stdout: "out\n50000\n", stderr: "" });
        }
        expect(outcomes.filter((each) => each instanceof LbctlError).length).toBeGreaterThan(8);
      },
    );
  });

  promises("a target that swallows everything", () => {
    test.each([0, 3500])("after %d bytes it is given up, in words", async (swallowAfter) => {
      const error = await failure(through(await relayTo({ swallowAfter })), {
        script: "echo begun; sleep 20",
        idleTimeoutMs: 3000,
      });
      expect(error.message).toMatch(/stopped answering|cannot be reached: .*timed out/i);
    });

    test("an interruption does not wait for a connection that is being made", async () => {
      const abort = new AbortController();
      const connections = openConnections(transport);
      const to = through(await relayTo({ swallowAfter: 0 }));
      const running = connections
        .to({ ...makeHost("target", "192.0.2.1"), connection: to })
        .run({ script: "true", signal: abort.signal })
        .catch((error: unknown) => error);
      await new Promise((resolve) => setTimeout(resolve, 500));
      const begun = performance.now();
      abort.abort();
      expect(await running).toMatchObject({ code: "interrupted" });
      await connections.close();
      expect(performance.now() - begun).toBeLessThan(2000);
    });

    test("a daemon that is stopped in the middle of a script is given up", async () => {
      // a word of its own, so that no other test shares the connection
      const alone = labConnection({}, ["-o", "TCPKeepAlive=yes"]);
      const error = await failure(alone, { script: "kill -STOP $PPID; sleep 3", idleTimeoutMs: 1000 });
      expect(error.message).toContain("stopped answering");
    });
  });

  promises("sessions", () => {
    test("MaxSessions 1 does not keep two scripts from running at once", async () => {
      const remote = open(labConnection({ port: ports.oneSession }));
      await remote.run({ script: "true" });
      const results = await Promise.all(
        ["a", "b"].map((word) => remote.run({ script: `sleep 0.3; echo ${word}` })),
      );
      expect(results.map(({ stdout }) => stdout)).toEqual(["a\n", "b\n"]);
    });

    test("MaxStartups turns away whoever comes when it is busy: tried again, then told", async () => {
      const relay = await relayTo({}, ports.oneStartup);
      const busy = connect(ports.oneStartup, addressOf(sshHost)).on("error", () => undefined);
      await new Promise((resolve) => busy.once("data", resolve));
      const error = await failure(through(relay));
      expect(error.message).toContain("closed the connection before the login");
      setTimeout(() => busy.destroy(), 600);
      expect((await run({ script: "echo in" }, through(relay))).stdout).toBe("in\n");
    });

    test("a link that goes away between two runs is made anew", async () => {
      const remote = open(through(await relayTo({})));
      await remote.run({ script: "(sleep 0.3; kill -9 $PPID) >/dev/null 2>&1 &" });
      await new Promise((resolve) => setTimeout(resolve, 600));
      expect((await remote.run({ script: "echo back" })).stdout).toBe("back\n");
    });

    test("a link that was lost is made anew by the next run", async () => {
      const relay = await relayTo({});
      const remote = open(through(relay));
      const lost = remote.run({ script: "kill -9 $PPID; sleep 5" }).catch((error: unknown) => error);
      expect(await lost).toMatchObject({ code: "unreachable" });
      expect((await remote.run({ script: "echo back" })).stdout).toBe("back\n");
    });
  });

  promises("shells", () => {
    test("busybox as sh", async () => {
      const script = '/bin/sh --help 2>&1 | sed -n 1p; read -r x; echo "$x"; exit 9';
      const to = labConnection({ port: ports.busybox });
      const result = await run({ script, payload: Buffer.from("a b\nc\n") }, to);
      expect(result).toEqual({
        status: 9,
        stdout: expect.stringMatching(/^BusyBox .*\na b\n$/) as string,
        stderr: "",
      });
    });
  });

  promises("sudo", () => {
    const as = (user: string, secret?: string): SshConnection => ({
      ...labConnection({ user, become: true }),
      ...(secret === undefined ? {} : { becomePassword: () => secret }),
    });
    const script = 'id -u; cat; echo err >&2; tr "\\0" " " </proc/$PPID/cmdline; exit 4';
    const payload = Buffer.from("payload\n");

    test.each([
      ["with its password", "sudoer", password],
      ["with a password that nobody asks for", "nopasswd", password],
      ["without a password", "nopasswd", undefined],
      ["when the login is root already", "root", password],
    ])("%s: the payload is the script's, the password sudo's", async (_, user, secret) => {
      const result = await run({ script, payload }, as(user, secret));
      expect(result).toMatchObject({ status: 4, stderr: "err\n" });
      expect(result.stdout).toMatch(/^0\npayload\n/);
      expect(JSON.stringify(result)).not.toContain(password);
    });

    test("a password that sudo remembers is not the script's input", async () => {
      const remote = open(as("sudoer", password));
      for (const word of ["one\n", "two\n"]) {
        expect((await remote.run({ script: "cat", payload: Buffer.from(word) })).stdout).toBe(word);
      }
    });

    test.each([
      ["a wrong password", "sudoer", "wrong", /sudo did not take the password/],
      ["no password", "sudoer", undefined, /sudo asks for a password/],
      ["a user who may not", "mallory", password, /may not run sudo/],
      ["a terminal that sudo wants", "wantstty", password, /requiretty/],
    ])("%s is one clear error", async (_, user, secret, expected) => {
      const error = await failure(as(user, secret));
      expect(error.code).toBe("unreachable");
      expect(error.message).toMatch(expected);
      expect(error.problems).toHaveLength(1);
      expect(JSON.stringify(error.problems)).not.toContain(secret ?? password);
    });
  });
});

describe("incus", { concurrent: false }, () => {
  const to = (over: object = {}) => {
    const [ground] = grounds.filter(({ name }) => name === "incus exec");
    const connection = { ...ground?.connection(), ...over } as Connection;
    return openConnections("auto").to({ ...makeHost("target", "192.0.2.1"), connection });
  };

  test("a client that is killed is a lost link", async () => {
    const lost = to()
      .run({ script: "echo begun; sleep 20" })
      .catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 700));
    for (const pid of clientsOf("incus")) process.kill(pid, "SIGKILL");
    expect(await lost).toMatchObject({ code: "unreachable" });
    expect(String(await lost)).toContain("lost while a script ran (Command was killed with SIGKILL");
    expect(String(await lost).length).toBeLessThan(300);
  });

  test("a paused instance is given up", async () => {
    expect((await incus("pause", otherHost)).code).toBe(0);
    try {
      await expect(to().run({ script: "true", idleTimeoutMs: 1500 })).rejects.toThrow(
        /stopped answering|does not run/,
      );
    } finally {
      await incus("resume", otherHost);
    }
    expect((await to().run({ script: "echo back" })).stdout).toBe("back\n");
  });

  test.each([
    [{ instance: "nowhere" }, /no instance local:nowhere \(project lbctl-lab\)/],
    [{ remote: "nowhere" }, /cannot be entered|no instance/],
    [{ project: "nowhere" }, /no instance .*project nowhere/],
  ])("%j is one clear error", async (over, expected) => {
    await expect(to(over).run({ script: "true" })).rejects.toThrow(expected);
  });
});

/** Processes of this one that run `program exec` in the container. */
function clientsOf(program: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const parent = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1];
        const words = readFileSync(`/proc/${String(pid)}/cmdline`, "utf8").split("\0");
        return Number(parent) === process.pid && words[0] === program && words.includes(`local:${otherHost}`);
      } catch {
        return false; // it has ended meanwhile
      }
    });
}
