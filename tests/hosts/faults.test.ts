import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unpack } from "../../src/apply/steps.ts";
import { openConnections } from "../../src/remote/connect.ts";
import { makeHost } from "../support/fleet.ts";
import { get } from "../support/http.ts";
import { addressOf, balancer, freshBalancer, inventory } from "../support/hosts.ts";
import { incus, inside, liveState, output } from "../support/lab.ts";
import { lbctl, lbctlJson, type RunOptions } from "../support/lbctl.ts";
import { projectWith } from "../support/project.ts";
import { startRelay, type Relay, type RelayOptions } from "../support/relay.ts";
import { connectionTo, throughPort } from "../support/relayed.ts";

interface ApplyDocument {
  readonly hosts: {
    outcome: string;
    error: { code: string; problems: { what: string; hint?: string }[] } | null;
  }[];
}

const onLab = ["-i", inventory];
const state = "/var/lib/lbctl/haproxy";
let url = "";

const relays: Relay[] = [];
async function relayTo(options: RelayOptions): Promise<Relay> {
  const relay = await startRelay(addressOf(balancer), 22, options);
  relays.push(relay);
  return relay;
}

/** How an apply ended: its exit code, outcome and first problem. */
async function apply(args: readonly string[], options?: RunOptions) {
  const { code, document, stderr } = await lbctlJson<ApplyDocument>(
    ["apply", ...onLab, "--yes", ...args],
    options,
  );
  const [host] = document.hosts;
  const problem = host?.error?.problems[0];
  return { code, outcome: host?.outcome, what: problem?.what ?? "", stderr };
}

const retries = (count: number) => ["-e", `haproxy_retries=${String(count)}`];

/** The host serves, and an apply brings it to what the inventory says. */
async function converges(): Promise<void> {
  expect((await get(url)).status).toBe(200);
  expect(await apply([])).toMatchObject({ code: 0 });
  expect(await apply([])).toMatchObject({ code: 0, outcome: "unchanged" });
}

beforeAll(async () => {
  await freshBalancer();
  url = `http://${addressOf(balancer)}/`;
});
afterAll(() => {
  for (const relay of relays) relay.close();
});

test("a configuration that another tool wrote, or links to, is left to it until it is adopted", async () => {
  const theirs = "global\n    # Ansible managed\n    maxconn 1000\n";
  await output(
    balancer,
    `mkdir -p /opt/other /etc/haproxy; printf '${theirs.replaceAll("\n", "\\n")}' > /opt/other/haproxy.cfg; ln -s /opt/other/haproxy.cfg /etc/haproxy/haproxy.cfg`,
  );
  const refused = await lbctl(["apply", ...onLab, "--yes"]);
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain("holds a configuration of your own");
  expect(refused.stdout).toContain("-    # Ansible managed");
  expect(await output(balancer, "readlink /etc/haproxy/haproxy.cfg; command -v haproxy || echo none")).toBe(
    "/opt/other/haproxy.cfg\nnone",
  );
  expect(await apply(["--adopt"])).toMatchObject({ code: 0, outcome: "changed" });
  const kept = `cat /opt/other/haproxy.cfg; cat ${state}/generations/0/haproxy.cfg`;
  expect(`${await output(balancer, kept)}\n`).toBe(theirs + theirs);
  await converges();
});

describe("the way to the host", () => {
  test.each([
    ["a connection that is refused", () => throughPort(9), /cannot be reached: .*refused/i],
    [
      "a name that does not resolve",
      () => throughPort(22, "no.such.host.invalid"),
      /no\.such\.host\.invalid/,
    ],
  ])("%s ends with exit 4, over either transport", async (_, words, expected) => {
    for (const transport of ["openssh", "node-ssh"]) {
      const result = await lbctl(["plan", ...onLab, "--transport", transport, ...words()]);
      expect(result.stderr).toMatch(expected);
      expect(result.code).toBe(4);
    }
  });

  test("a login that is refused is tried once", async () => {
    for (const transport of ["openssh", "node-ssh"] as const) {
      const { port, seen } = await relayTo({});
      const connections = openConnections(transport);
      const connection = { ...connectionTo(port), user: "nobody" };
      const remote = connections.to({ ...makeHost("target", "192.0.2.1"), connection });
      await expect(remote.run({ script: "true" })).rejects.toThrow(/nobody@\S+ refused the login/);
      await connections.close();
      expect(seen.connections).toBe(1);
    }
  });

  test("what had begun on a host is never begun a second time", async () => {
    for (const transport of ["openssh", "node-ssh"] as const) {
      const connections = openConnections(transport);
      const remote = connections.to({ ...makeHost("target", "192.0.2.1"), connection: connectionTo() });
      const script = `echo begun >> /run/lbctl-${transport}; kill -9 $PPID; sleep 5`;
      await expect(remote.run({ script })).rejects.toMatchObject({ code: "unreachable" });
      await connections.close();
      expect(await output(balancer, `cat /run/lbctl-${transport}; rm /run/lbctl-${transport}`)).toBe("begun");
    }
  });

  const long = JSON.stringify({
    haproxy_trusted_ips: Array.from({ length: 4000 }, (_, n) => `10.9.${String(n >> 8)}.${String(n & 255)}`),
  });

  test("an upload that is cut off leaves the host as it was, and no lock behind", async () => {
    const [looked, changed] = [await relayTo({}), await relayTo({})];
    await lbctl(["plan", ...onLab, ...throughPort(looked.port), "-e", long]);
    await apply([...throughPort(changed.port), "-e", long]);
    await converges();
    const before = await liveState(balancer);
    // from the script on, through the files and to the last of them
    for (const part of [0.1, 0.4, 0.7, 0.95]) {
      const bytes = Math.floor((1 - part) * looked.seen.client + part * changed.seen.client);
      const { port } = await relayTo({ cutAfter: { from: "client", bytes } });
      const cut = await apply([...throughPort(port), "-e", long]);
      expect(cut).toMatchObject({ code: 4, outcome: "failed" });
      await expect
        .poll(() => inside(balancer, `test ! -e ${state}/staging`), { timeout: 10_000 })
        .toMatchObject({
          code: 0,
        });
      expect(await liveState(balancer)).toBe(before);
    }
    await converges();
  });

  test("packets that vanish in the middle of an apply end it with exit 4", async () => {
    // whichever way is taken on a busy machine, both have to take the same
    const way = ["--transport", "node-ssh"];
    const looked = await relayTo({});
    await lbctl(["plan", ...onLab, ...throughPort(looked.port), ...retries(2), ...way]);
    // a busy sshd sends several events at once, and after the swap it would be confirmed over another connection
    const relay = await relayTo({ swallowAfter: looked.seen.server + 200 });
    const begun = performance.now();
    const { code, what } = await apply([...throughPort(relay.port), ...retries(2), ...way]);
    // three keepalives of 5 s, not the two minutes that a silent step may have
    expect(performance.now() - begun).toBeLessThan(60_000);
    expect(what).toMatch(/lost|stopped answering|Keepalive timeout/);
    expect(code).toBe(4);
    relay.close();
    await expect.poll(async () => (await apply([])).code, { timeout: 20_000 }).toBe(0);
    await converges();
  });

  test("over a slow link an upload is waited for as long as something arrives", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lbctl-long-"));
    writeFileSync(join(folder, "long.list"), "x".repeat(900_000));
    const payload = execFileSync("tar", ["-c", "-f", "-", "-C", folder, "."]);
    const { port } = await relayTo({ bytesPerSecond: 150_000 });
    const connections = openConnections("node-ssh");
    const remote = connections.to({ ...makeHost("target", "192.0.2.1"), connection: connectionTo(port) });
    const upload = (what: string) =>
      remote.run({
        script: `bytes=${String(payload.length)} state=/run/lbctl-slow; mkdir -p $state/staging; ${what} && wc -c <$state/staging/long.list`,
        payload,
        idleTimeoutMs: 2000,
      });
    expect((await upload(unpack)).stdout.trim().split("\n").at(-1)).toBe("900000");
    // the same upload is given up where nothing says that it goes on
    await expect(upload("tar -x -C $state/staging")).rejects.toThrow("stopped answering");
    await connections.close();
    await output(balancer, "rm -r /run/lbctl-slow");
  });
});

describe("the host's disk", () => {
  test.each([
    ["/var/lib/lbctl", "could not be made"],
    ["/etc/haproxy", "could not become a link"],
  ])(
    "%s on a read-only file system: the cause in words, and nothing is touched",
    async (folder, expected) => {
      // a link of lbctl's has to be made anew
      await output(balancer, "rm /etc/haproxy/pages");
      const before = await liveState(balancer);
      await output(balancer, `mount --bind ${folder} ${folder} && mount -o remount,bind,ro ${folder}`);
      const result = await apply(retries(2));
      await output(balancer, `umount ${folder}`);
      expect(result.what).toContain(expected);
      expect(result.what).toContain("Read-only file system");
      expect(result.code).toBe(5);
      expect(await liveState(balancer)).toBe(before);
      await converges();
    },
  );

  test("is full when the history is written: that is said, and the change holds", async () => {
    const before = await output(balancer, `sha256sum <${state}/history`);
    await output(balancer, `ln -s /dev/full ${state}/history.new`);
    const result = await apply(retries(2));
    await output(balancer, `rm -f ${state}/history.new`);
    expect(result).toMatchObject({ code: 0, outcome: "changed" });
    expect(result.stderr).toContain("the history could not be written");
    expect(await output(balancer, `sha256sum <${state}/history`)).toBe(before);
    await converges();
  });
});

describe("a candidate", () => {
  test.each([
    [
      "that needs a newer HAProxy",
      "hash-type consistent",
      "hash-type consistent\n    hash-preserve-affinity always",
    ],
    ["whose list is missing", "lists/trusted_ips.list", "lists/none.list"],
  ])("%s is refused by the host's own, which is named with its version", async (_, from, to) => {
    const before = await liveState(balancer);
    const cwd = projectWith((text) => text.replace(from, to));
    const result = await apply([], { cwd });
    expect(result.code).toBe(5);
    expect(result.what).toMatch(/^haproxy -c of HAProxy 2\.6 refuses line \d+ of haproxy\.cfg: /);
    expect(result.what).toMatch(/hash-preserve-affinity|none\.list/);
    expect(await liveState(balancer)).toBe(before);
  });
});

test("an operator whose clock and zone are others changes the host as any other", async () => {
  const hours = 31 * 3_600_000;
  const clock = `const of = Date.now; Date.now = () => of() + ${String(hours)}; const D = Date; globalThis.Date = class extends D { constructor(...a) { a.length ? super(...a) : super(of() + ${String(hours)}); } };`;
  const env = {
    NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(clock)}`,
    TZ: "Pacific/Kiritimati",
    LC_ALL: "de_DE.UTF-8",
  };
  expect(await apply(retries(2), { env })).toMatchObject({ code: 0, outcome: "changed" });
  expect(await apply(retries(2))).toMatchObject({ code: 0, outcome: "unchanged" });
  // the clock was another one: the history tells times of whoever made the change
  const { document } = await lbctlJson<{ hosts: { entries: { at: string }[] }[] }>(["history", ...onLab]);
  expect(Date.parse(document.hosts[0]?.entries[0]?.at ?? "") - Date.now()).toBeGreaterThan(hours / 2);
  await converges();
});

test("nothing that lbctl writes on a host is for others to change, whatever the login's umask", async () => {
  await output(
    balancer,
    "cp -p /root/.bashrc /root/.bashrc.away 2>/dev/null; echo 'umask 000' > /root/.bashrc",
  );
  expect(await apply(retries(2))).toMatchObject({ code: 0, outcome: "changed" });
  await output(balancer, "mv /root/.bashrc.away /root/.bashrc 2>/dev/null || rm /root/.bashrc");
  expect(await output(balancer, "find /var/lib/lbctl /run/lbctl ! -type l -perm /022")).toBe("");
  expect(await output(balancer, "find /var/lib/lbctl /run/lbctl ! -user root")).toBe("");
  const current = `${state}/current`;
  const secret = `${current}/certs ${current}/manifest.json ${current}/.sha256sums ${state}/history`;
  expect(await output(balancer, `stat -L -c %a ${secret}`)).toBe("700\n600\n600\n600");
  await converges();
});

test("nothing is written where others may plant a link", async () => {
  const folders = "/tmp /var/tmp /dev/shm";
  // whatever comes or goes in a folder is a change of it
  const changes = `for d in ${folders}; do find $d -maxdepth 0 -newermt 2001-01-02; done`;
  await output(balancer, `for d in ${folders}; do mount -t tmpfs tmpfs $d; touch -d 2001-01-01 $d; done`);
  const result = await apply(retries(2));
  const changed = await output(balancer, changes);
  await output(balancer, `touch /tmp/x; [ "$(${changes})" = /tmp ] && umount ${folders}`);
  expect(result).toMatchObject({ code: 0, outcome: "changed" });
  expect(changed).toBe("");
  await converges();
});

test("no process keeps lbctl's locks open: not the HAProxy that it started or restarted", async () => {
  const holders = `perl -e 'for (glob "/proc/[0-9]*/fd/*") { print "$_\n" if (readlink // "") =~ m{^/run/lbctl/} }'`;
  expect(await output(balancer, `exec 8>/run/lbctl/probe; ${holders}; rm /run/lbctl/probe`)).toContain(
    "/fd/8",
  );
  await output(balancer, "systemctl stop haproxy");
  expect(await apply(retries(2))).toMatchObject({ code: 0, outcome: "changed" });
  await expect.poll(() => output(balancer, holders), { timeout: 10_000 }).toBe("");
  // the new worker ends its master, and the way back starts HAProxy
  const cwd = projectWith((text) => text.replace("chroot /var/lib/haproxy", "chroot /nowhere"));
  await output(balancer, "mv /usr/bin/unshare /usr/bin/unshare.away");
  const result = await apply([], { cwd });
  await output(balancer, "mv /usr/bin/unshare.away /usr/bin/unshare");
  expect(result).toMatchObject({ code: 6, outcome: "rolled-back" });
  await expect.poll(() => output(balancer, holders), { timeout: 10_000 }).toBe("");
  await converges();
});

test("ten thousand servers and as many addresses as a file holds: rendered within bounds, and HAProxy takes it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lbctl-many-"));
  const address = (index: number) =>
    `${String(index >> 16)}.${String((index >> 8) & 255)}.${String(index & 255)}`;
  const many = (count: number, line: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => `${line(index)}\n`).join("");
  await mkdir(join(folder, "group_vars"));
  writeFileSync(
    join(folder, "hosts.yml"),
    `haproxy: { hosts: { lb-1: } }\nstream_server_instances:\n  hosts:\n${many(10_000, (n) => `    s-${String(n)}: { ansible_host: 10.${address(n)} }`)}`,
  );
  const vars = join(folder, "group_vars/haproxy.yml");
  const lists = (count: number) => {
    writeFileSync(vars, `haproxy_trusted_ips:\n${many(count, (n) => `- 11.${address(n)}`)}`);
  };
  const render = () =>
    lbctl(["render", "-i", join(folder, "hosts.yml"), "-o", join(folder, "out")], {
      env: {
        NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent('process.on("exit", () => process._rawDebug("peak", process.resourceUsage().maxRSS))')}`,
      },
    });
  lists(1_000_000);
  const refused = await render();
  expect(refused.code).toBe(3);
  expect(refused.stderr).toMatch(/haproxy\.yml: the file is \d\d\.\d MiB; the limit is 5\.0 MiB/);

  lists(330_000);
  const { code, stderr } = await render();
  expect(code).toBe(0);
  expect(Number(/^peak (\d+)$/m.exec(stderr)?.[1])).toBeLessThan(2_000_000);
  expect(readFileSync(join(folder, "out/lb-1/haproxy.cfg"), "utf8").match(/^ *server /gm)).toHaveLength(
    10_000,
  );

  await incus("file", "push", "-q", "-r", join(folder, "out/lb-1"), `${balancer}/root/many/`, "-p");
  const check = "cd /root/many/lb-1 && haproxy -c -f haproxy.cfg 2>&1";
  const { code: taken, stdout } = await inside(balancer, check);
  await output(balancer, "rm -r /root/many");
  expect(stdout).not.toContain("ALERT");
  expect(taken).toBe(0);
});
