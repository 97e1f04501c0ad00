import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { get, openWebSocket, startLoad } from "../support/http.ts";
import { addressOf, freshLab, inside, inventory, output, runtime } from "../support/lab.ts";
import { lbctl, lbctlJson } from "../support/lbctl.ts";
import { releases } from "../support/releases.ts";

interface DrainDocument {
  readonly hosts: {
    name: string;
    servers: { pool: string; name: string; status: string; why: string | null }[];
    sessions: number | null;
    old_sessions: number | null;
    silent: string[] | null;
    why: string | null;
    error: { code: string; problems: { what: string; hint: string }[] } | null;
  }[];
}

interface StatusDocument {
  readonly hosts: {
    pools: {
      name: string;
      servers: { name: string; status: string; drain: { by: string; reason: string | null } | null }[];
    }[];
  }[];
}

const onLab = ["-i", inventory];
const both = ["lb-1", "lb-2"];
const server = "api_pool/backend-api-1";
const pinnedTo = "VEZA_SERVERID=backend-api-1";
let retries = 3;

const drain = (words: readonly string[], options = {}) =>
  lbctlJson<DrainDocument>([...words, ...onLab], options);

/** After maintenance a server is `UP 1/3` until its checks have passed, and nobody to rely on. */
const ready = async (): Promise<void> => {
  const { code, document } = await drain(["ready", "backend-api-*"]);
  expect(code).toBe(0);
  if (document.hosts.every(({ servers }) => servers.every(({ status }) => status === "UP"))) return;
  expect((await lbctl(["status", ...onLab, "--wait", "20"])).code).toBe(0);
};

/** The newest line of lbctl in a host's journal. */
const journal = (host: string): Promise<string> => output(host, "journalctl -t lbctl -o cat | tail -n 1");

const reload = async (): Promise<void> => {
  const change = ["-e", `haproxy_retries=${String((retries = retries === 3 ? 4 : 3))}`];
  const applied = await lbctl(["apply", ...onLab, "--yes", ...change]);
  expect(applied.code, applied.stderr).toBe(0);
};

/** Of the server that is drained in these tests, on each load balancer. */
async function statuses() {
  const { document } = await lbctlJson<StatusDocument>(["status", ...onLab]);
  const pools = document.hosts.flatMap((host) => host.pools.filter(({ name }) => name === "api_pool"));
  return pools.flatMap(({ servers }) => servers.filter(({ name }) => name === "backend-api-1"));
}

/** Names of the servers that answer this many new clients of a load balancer. */
async function whoServes(host: string, clients = 12): Promise<string[]> {
  const servers = new Set<string>();
  for (let n = 0; n < clients; n++) servers.add((await get(`http://${addressOf(host)}/`)).server);
  return [...servers].sort();
}

describe.each(releases)("HAProxy %s", (release) => {
  beforeAll(async () => {
    retries = 3;
    await freshLab(release, "--lb", "2");
    expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
    expect((await lbctl(["status", ...onLab, "--wait", "20"])).code).toBe(0);
  });

  afterEach(ready);

  /** What HAProxy does not decide is looked at with one release. */
  const once = test.runIf(release === "2.6");

  test("a server is drained everywhere under load, and given its load back: no request fails", async () => {
    const loads = both.map((host) => startLoad(`http://${addressOf(host)}/`, 4));
    const drained = await drain(["drain", "backend-api-1", "--reason", "new disk"]);
    for (const host of both) expect(await whoServes(host)).toEqual(["backend-api-2"]);
    const seen = await statuses();
    await ready();
    for (const load of loads) {
      const { sent, failures } = await load.stop();
      expect(failures).toEqual([]);
      expect(sent).toBeGreaterThan(50);
    }
    expect(drained.code).toBe(0);
    expect(drained.document.hosts).toEqual(
      both.map((name) => ({
        name,
        servers: [{ pool: "api_pool", name: "backend-api-1", status: "DRAIN", why: null }],
        sessions: 0,
        old_sessions: 0,
        silent: [],
        why: null,
        error: null,
      })),
    );
    expect(seen.map(({ status, drain }) => [status, drain?.reason])).toEqual([
      ["DRAIN", "new disk"],
      ["DRAIN", "new disk"],
    ]);
    expect((await statuses()).map(({ status, drain }) => [status.slice(0, 2), drain])).toEqual([
      ["UP", null],
      ["UP", null],
    ]);
  });

  test("a WebSocket keeps it from being empty, from before a reload too; maintenance ends one of this worker", async () => {
    const url = `http://${addressOf("lb-1")}/ws`;
    const pinned = { cookie: pinnedTo };
    const old = await openWebSocket(url, pinned);
    await reload();
    const socket = await openWebSocket(url, pinned);
    const begun = performance.now();
    const { code, document, stderr } = await drain([
      ...["drain", server, "-e", "haproxy_graceful_drain_seconds=2"],
    ]);
    const waitedMs = performance.now() - begun;
    expect(waitedMs).toBeGreaterThan(2000);
    expect(waitedMs).toBeLessThan(10_000);
    expect(code).toBe(12);
    expect(document.hosts.map(({ sessions, old_sessions }) => [sessions, old_sessions])).toEqual([
      [1, 1],
      [0, 0],
    ]);
    expect(document.hosts[0]?.error).toMatchObject({ code: "partial" });
    expect(document.hosts[0]?.error?.problems[0]?.what).toBe(
      "left at the deadline: 2 sessions, 1 of them from before a reload",
    );
    expect(stderr).toContain("`lbctl ready api_pool/backend-api-1` gives the load back");
    const taken = await drain(["drain", server, "--timeout", "1", "--maint"]);
    await socket.closed;
    expect(taken.code).toBe(0);
    expect(taken.document.hosts[0]).toMatchObject({ servers: [{ status: "MAINT" }], old_sessions: 1 });
    old.close();
  });

  once("a worker from before a reload that does not answer is not taken for empty, and said", async () => {
    const old = await openWebSocket(`http://${addressOf("lb-1")}/ws`, { cookie: pinnedTo });
    await reload();
    const pid = await output("lb-1", "pgrep -o -P $(systemctl show -P MainPID haproxy) -x haproxy");
    await output("lb-1", `kill -STOP ${pid}`);
    const { code, document } = await drain(["drain", server, "--timeout", "1", "-l", "lb-1"]).finally(() =>
      output("lb-1", `kill -CONT ${pid}`),
    );
    old.close();
    expect(code).toBe(12);
    expect(document.hosts[0]).toMatchObject({ old_sessions: 0, silent: [pid] });
    expect(document.hosts[0]?.error?.problems[0]?.what).toBe(
      `left at the deadline: 0 sessions; not known of worker ${pid} from before a reload, which does not answer`,
    );
  });

  once(
    "all are told before any is waited for, and one that was empty counts when a client comes back",
    async () => {
      const first = await openWebSocket(`http://${addressOf("lb-1")}/ws`, { cookie: pinnedTo });
      let second: typeof first | undefined;
      const { code, document } = await drain(["drain", server, "--forks", "1", "--timeout", "4"], {
        started: () =>
          void expect
            .poll(async () => (await runtime("lb-2", "show stat")).includes("DRAIN"), { timeout: 3000 })
            .toBe(true)
            .then(async () => {
              second = await openWebSocket(`http://${addressOf("lb-2")}/ws`, { cookie: pinnedTo });
              first.close();
            }),
      });
      second?.close();
      expect(code).toBe(12);
      expect(document.hosts.map(({ sessions, error }) => [sessions, error?.code])).toEqual([
        [0, undefined],
        [1, "partial"],
      ]);
    },
  );

  once("Ctrl-C ends the wait, and the second one names the command that shows what is left", async () => {
    const socket = await openWebSocket(`http://${addressOf("lb-1")}/ws`, { cookie: pinnedTo });
    let said = "";
    const { code, stderr } = await lbctl(["drain", server, ...onLab, "-l", "lb-1"], {
      started: (child) => {
        child.stderr?.on("data", (text: Buffer) => {
          said += text.toString();
          if (text.toString().includes("to the deadline")) child.kill("SIGINT");
          if (text.toString().includes("stopping")) child.kill("SIGINT");
        });
      },
    });
    socket.close();
    expect(code).toBe(130);
    expect(stderr).toContain("leaving at once; run `lbctl status` to see what is there");
    expect(said).not.toContain("lbctl plan");
    expect((await statuses())[0]).toMatchObject({ status: "DRAIN" });
  });

  once("clients that the cookie pins still come while it drains, and are said", async () => {
    const url = `http://${addressOf("lb-2")}/`;
    const client = new AbortController();
    const clientDone = (async () => {
      while (!client.signal.aborted)
        expect((await get(url, { cookie: pinnedTo }).catch(() => null))?.status).toBe(200);
    })();
    const { code, document } = await drain(["drain", server, "--timeout", "2", "-l", "lb-2"]);
    expect((await get(url, { cookie: pinnedTo })).server).toBe("backend-api-1");
    expect((await drain(["maint", server, "-l", "lb-2"])).code).toBe(0);
    expect((await get(url, { cookie: pinnedTo })).server).toBe("backend-api-2");
    client.abort();
    await clientDone;
    expect(code).toBe(12);
    expect(document.hosts[0]?.error?.problems[0]?.what).toMatch(
      /^left at the deadline: [01] sessions?; \d+ came meanwhile, of clients that the cookie pins$/,
    );
    const again = await drain(["drain", server, "-l", "lb-2"]);
    expect(again.document.hosts[0]?.servers[0]).toMatchObject({
      status: "MAINT",
      why: "in maintenance before, and left so",
    });
  });

  once("the last server of a pool stays, unless it is forced", async () => {
    expect((await drain(["maint", server, "-l", "lb-2"])).code).toBe(0);
    const { code, document } = await lbctlJson<{ error: { problems: { what: string; at: string }[] } }>([
      ...["drain", "backend-api-2", ...onLab],
    ]);
    expect(code).toBe(5);
    expect(document.error.problems).toMatchObject([
      { what: "no other server of api_pool, api_websockets is up: nobody would serve it", at: "lb-2" },
    ]);
    expect(await whoServes("lb-1")).toEqual(["backend-api-1", "backend-api-2"]);
    expect((await drain(["maint", "api_pool/*", "--force", "-l", "lb-2"])).code).toBe(0);
    expect((await get(`http://${addressOf("lb-2")}/`)).status).toBe(503);
    await ready();
    expect(await whoServes("lb-2")).toEqual(["backend-api-1", "backend-api-2"]);
  });

  test("who drained it is known after a reload, and forgotten with a restart of HAProxy", async () => {
    expect((await drain(["drain", server, "--reason", 'it\'s "hot" – 40 °C'])).code).toBe(0);
    await reload();
    const reasons = (await statuses()).map(({ status, drain: taken }) => [status, taken?.reason]);
    expect(reasons).toEqual(both.map(() => ["DRAIN", 'it\'s "hot" – 40 °C']));
    await output("lb-1", "systemctl restart haproxy");
    const after = await statuses();
    expect(after.map(({ status, drain: taken }) => [status.split(" ")[0], taken !== null])).toEqual([
      ["UP", false],
      ["DRAIN", true],
    ]);
  });

  once("lbctl killed in mid-drain: the host gives the load back when the time is over", async () => {
    const socket = await openWebSocket(`http://${addressOf("lb-1")}/ws`, { cookie: pinnedTo });
    const killed = lbctl(["drain", server, ...onLab, "--for", "4s", "--reason", "killed"], {
      started: (child) => {
        child.stderr?.on("data", (text: Buffer) => {
          if (text.toString().includes("to the deadline")) child.kill("SIGKILL");
        });
      },
    });
    expect((await killed).code).toBeNull();
    const left = (await statuses()).map(({ status, drain: taken }) => [status, taken?.reason]);
    expect(left).toEqual(both.map(() => ["DRAIN", "killed"]));
    const up = async () => (await statuses()).map(({ status }) => status.split(" ")[0]);
    await expect.poll(up, { timeout: 20_000, interval: 500 }).toEqual(["UP", "UP"]);
    socket.close();
    const programs = async () => (await inside("lb-1", "ls /run/lbctl/ready-*")).code;
    await expect.poll(programs, { timeout: 10_000 }).not.toBe(0);
    expect(await journal("lb-1")).toBe("ready, as its time was over: api_pool/backend-api-1");
  });

  once(
    "the time of a drain is over while the master does not answer, and /run runs no programs",
    async () => {
      const master = await output("lb-1", "systemctl show -P MainPID haproxy");
      await output("lb-1", "mount -o remount,noexec /run");
      try {
        const { code } = await drain(["maint", server, "--for", "2s", "--reason", "late", "-l", "lb-1"]);
        expect([code, await journal("lb-1")]).toEqual([
          0,
          expect.stringMatching(/^api_pool\/backend-api-1 maint by \S+ for 2 s: late$/),
        ]);
        await output("lb-1", `kill -STOP ${master}`);
        const up = async () => (await runtime("lb-1", "show stat")).includes("MAINT");
        await expect.poll(up, { timeout: 20_000, interval: 500 }).toBe(false);
        expect((await statuses())[1]).toMatchObject({ drain: null });
      } finally {
        await output("lb-1", `kill -CONT ${master}; mount -o remount,exec /run`);
      }
      expect(await journal("lb-1")).toBe("ready, as its time was over: api_pool/backend-api-1");
    },
  );

  once("where it cannot be noted down nothing is touched", async () => {
    const folder = "/var/lib/lbctl/haproxy/state";
    await output(
      "lb-1",
      `mount -t tmpfs -o size=4k,mode=755 none ${folder}; head -c 4096 /dev/zero >${folder}/x`,
    );
    const { code, document } = await drain(["maint", server, "--for", "6s", "-l", "lb-1"]).finally(() =>
      output("lb-1", `umount ${folder}`),
    );
    expect(code).toBe(5);
    expect(document.hosts[0]?.error?.problems[0]).toMatchObject({
      what: expect.stringMatching(/could not be noted down who does this: .*No space left/) as string,
      hint: "Nothing was touched there.",
    });
    expect((await statuses())[0]).toMatchObject({ status: "UP" });
    expect(await output("lb-1", "systemctl list-units --all --plain --no-legend 'lbctl-ready-*.timer'")).toBe(
      "",
    );
  });

  once("one that tracks another and was drained alone gets its load back with the name of both", async () => {
    expect((await drain(["drain", "api_websockets/backend-api-1", "--no-wait", "-l", "lb-1"])).code).toBe(0);
    const { document } = await drain(["ready", "backend-api-1", "-l", "lb-1"]);
    expect(document.hosts[0]?.servers.map(({ pool, status }) => [pool, status])).toEqual([
      ["api_pool", "UP"],
      ["api_websockets", "UP"],
    ]);
  });

  once("a login without root is told as such, also one that may use the admin socket", async () => {
    const keys = "/home/op/.ssh/authorized_keys";
    await output(
      "lb-1",
      `useradd -m -s /bin/bash -G haproxy op && mkdir /home/op/.ssh && cp /root/.ssh/authorized_keys ${keys} && chown -R op /home/op/.ssh`,
    );
    const { code, document } = await drain(["drain", server, "-l", "lb-1", "-e", "ansible_user=op"]).finally(
      () => inside("lb-1", "userdel -r op"),
    );
    expect(code).toBe(5);
    expect(document.hosts[0]?.error?.problems[0]?.what).toMatch(/^lbctl is not root there, but uid \d+$/);
  });

  once("a host that lbctl has let go of is drained, with the warning that a reload forgets it", async () => {
    expect((await lbctl(["release", "lb-1", ...onLab, "--yes"])).code).toBe(0);
    await output("lb-1", "rm -rf /var/lib/lbctl/haproxy/state/drains");
    const { code, stderr } = await drain(["drain", server, "--no-wait"]);
    expect(code).toBe(0);
    expect(stderr).toBe("! lb-1: lbctl does not manage it, so a reload of HAProxy forgets this\n");
    expect((await statuses())[0]).toMatchObject({ status: "DRAIN", drain: { reason: null } });
    expect((await lbctl(["apply", ...onLab, "--yes", "--adopt"])).code).toBe(0);
  });

  once("what was made ready by hand is not touched when the time of the drain is over", async () => {
    expect((await drain(["drain", server, "--for", "2s", "-l", "lb-1"])).code).toBe(0);
    await ready();
    expect((await inside("lb-1", "ls /run/lbctl/ready-*")).code).not.toBe(0);
    expect(await output("lb-1", "systemctl list-units --all --plain --no-legend 'lbctl-ready-*.timer'")).toBe(
      "",
    );
    expect((await drain(["maint", server, "-l", "lb-1"])).code).toBe(0);
    await output("lb-1", "sleep 2");
    expect((await statuses())[0]).toMatchObject({ status: "MAINT" });
  });

  once("nobody is said to have done what was set past lbctl since", async () => {
    expect((await drain(["drain", server, "-l", "lb-1", "--reason", "mine", "--no-wait"])).code).toBe(0);
    for (const state of ["ready", "maint"]) await runtime("lb-1", `set server ${server} state ${state}`);
    expect((await statuses())[0]).toMatchObject({ status: "MAINT", drain: null });
    const { code, document } = await drain(["drain", server, "-l", "lb-1"]);
    expect([code, document.hosts[0]?.servers[0]?.status]).toEqual([0, "MAINT"]);
  });

  once("a drain that somebody undoes is told as such", async () => {
    const socket = await openWebSocket(`http://${addressOf("lb-1")}/ws`, { cookie: pinnedTo });
    const { code, document } = await drain(["drain", server, "-l", "lb-1"], {
      started: () =>
        void expect
          .poll(async () => (await runtime("lb-1", "show stat")).includes("DRAIN"), { timeout: 10_000 })
          .toBe(true)
          .then(() => runtime("lb-1", `set server ${server} state ready`)),
    });
    socket.close();
    expect(code).toBe(12);
    expect(document.hosts[0]?.error?.problems[0]?.what).toMatch(
      /^api_pool\/backend-api-1.* takes new clients again: somebody has made it ready/,
    );
  });

  once("a host that somebody changes is waited for with --lock-wait, else refused", async () => {
    await output("lb-1", "flock /run/lbctl/haproxy.lock sleep 2 >/dev/null 2>&1 &");
    const refused = await drain(["drain", server, "-l", "lb-1"]);
    expect([refused.code, refused.document.hosts[0]?.error?.code]).toEqual([7, "busy"]);
    expect((await drain(["drain", server, "-l", "lb-1", "--lock-wait", "10"])).code).toBe(0);
  });

  once("a drill on one of them keeps all as they are", async () => {
    const hold = "sleep 30 >/dev/null 2>&1 & echo $! $(cut -d' ' -f22 /proc/$!/stat)";
    const holder = await output("lb-2", hold);
    const lease = `owner bo@x\\nreason drill\\nup 1\\nttl 9\\nholder ${holder}\\nbeat 1\\n`;
    await output("lb-2", `printf '${lease}' >/run/lbctl/haproxy.lease`);
    const { code, stderr } = await lbctl(["maint", server, ...onLab]).finally(() =>
      output("lb-2", `kill ${holder.split(" ")[0] ?? ""}`),
    );
    expect(code).toBe(7);
    expect(stderr).toContain("lb-2: bo@x is drilling this load balancer");
    expect(stderr).toContain("Nothing was touched on any host.");
    expect((await statuses()).map(({ status }) => status)).toEqual(["UP", "UP"]);
  });

  once("names that nobody has are told, all of them", async () => {
    const { code, stderr } = await lbctl(["drain", "backend-api-3", "api_pol/*", "a b;c", ...onLab]);
    expect(code).toBe(3);
    expect(stderr).toContain('no load balancer has a server "backend-api-3"');
    expect(stderr).toContain('did you mean "backend-api-1"?');
    expect(stderr).toContain('no load balancer has a server "api_pol/*"');
    expect(stderr).toContain('no load balancer has a server "a b;c"');
  });
});

test("an admin socket that may only be read: HAProxy's refusal is told", async () => {
  const readOnly = "sed -i 's/level admin/level operator/' $(readlink -f /etc/haproxy/haproxy.cfg)";
  await output("lb-1", `${readOnly} && systemctl reload haproxy`);
  const { code, document } = await drain(["drain", server, "-l", "lb-1"]);
  expect(code).toBe(5);
  expect(document.hosts[0]?.error?.problems[0]?.what).toBe(
    "api_pool/backend-api-1: HAProxy says Permission denied",
  );
  expect((await lbctl(["apply", ...onLab, "--yes", "--force"])).code).toBe(0);
});

test("a worker that hangs is told within the deadline, and nothing is claimed", async () => {
  const worker = await output("lb-1", "pgrep -P $(systemctl show -P MainPID haproxy) -x haproxy | tail -n 1");
  // without the master nobody asks the same worker once more, for another 10 s
  const master = "/run/haproxy-master.sock";
  await output("lb-1", `kill -STOP ${worker}; mv ${master} ${master}.away`);
  const { code, document } = await drain(["drain", server]).finally(() =>
    output("lb-1", `kill -CONT ${worker}; mv ${master}.away ${master}`),
  );
  expect(code).toBe(4);
  expect(document.hosts[0]?.error?.problems[0]?.what).toContain("HAProxy did not answer");
  expect(document.hosts[1]?.why).toBe("not touched, since lb-1 could not be asked");
  expect((await statuses()).map(({ status }) => status)).toEqual(["UP", "UP"]);
});

afterAll(async () => {
  expect((await lbctl(["lab", "up", "--yes"])).code).toBe(0);
});
