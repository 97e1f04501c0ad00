import { connect } from "node:net";
import { afterAll, expect, test } from "vitest";
import { LbctlError } from "../../src/errors.ts";
import type { SshConnection } from "../../src/model/fleet.ts";
import { openConnections } from "../../src/remote/connect.ts";
import { promises, useDaemons } from "../support/contract.ts";
import { makeHost } from "../support/fleet.ts";
import { addressOf } from "../support/hosts.ts";
import { output } from "../support/lab.ts";
import { startRelay, type Relay, type RelayOptions } from "../support/relay.ts";
import { labConnection, logOf, ports, sshHost } from "../support/sshd.ts";

useDaemons();

const relays: Relay[] = [];
afterAll(() => {
  for (const relay of relays) relay.close();
});

async function relayTo(options: RelayOptions, port: number = ports.noisy): Promise<Relay> {
  const relay = await startRelay(addressOf(sshHost), port, options);
  relays.push(relay);
  return relay;
}

function through({ port }: Relay): SshConnection {
  return labConnection({ address: "127.0.0.1", port });
}

promises("a link cut at any byte", ({ run }) => {
  const script = "echo out; cat | wc -c; exit 3";
  const payload = Buffer.alloc(50_000, 7);
  const outcome = async (relay: Relay) => {
    const begun = performance.now();
    const result = await run({ script, payload }, through(relay)).catch((error: unknown) => error);
    expect(performance.now() - begun).toBeLessThan(15_000);
    return result;
  };

  test.each(["server", "client"] as const)("from the %s: an error or the true result, soon", async (from) => {
    const whole = await relayTo({});
    expect(await outcome(whole)).toEqual({ status: 3, stdout: "out\n50000\n", stderr: "" });
    const total = whole.seen[from];
    const spread = [1, 22, 45, ...Array.from({ length: 9 }, (_, n) => Math.floor((total * (n + 1)) / 10))];
    const outcomes = await Promise.all(
      [...spread, total - 60].map(async (bytes) => outcome(await relayTo({ cutAfter: { from, bytes } }))),
    );
    for (const each of outcomes) {
      if (each instanceof LbctlError) expect(each.code).toBe("unreachable");
      else expect(each).toEqual({ status: 3, stdout: "out\n50000\n", stderr: "" });
    }
    expect(outcomes.filter((each) => each instanceof LbctlError).length).toBeGreaterThan(8);
  });
});

promises("a target that swallows everything", ({ transport, failure }) => {
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

promises("sessions", ({ open, run, failure }) => {
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

test("node-ssh has the host prove no key that nobody would record", async () => {
  const connections = openConnections("node-ssh");
  const connection = labConnection({ port: ports.threeKeys });
  const host = { ...makeHost("target", "192.0.2.1"), connection };
  expect((await connections.to(host).run({ script: "true" })).status).toBe(0);
  await connections.close();
  const log = await output(sshHost, `cat ${logOf("threeKeys")}`);
  expect(log).toContain("Accepted publickey for root");
  expect(log).not.toContain("hostkeys-prove");
});
