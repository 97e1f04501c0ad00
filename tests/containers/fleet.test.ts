import { afterAll, beforeAll, expect, test } from "vitest";
import { get } from "../support/http.ts";
import { addressOf, freshLab, incus, inventory, output } from "../support/lab.ts";
import { lbctl, lbctlJson } from "../support/lbctl.ts";

interface ApplyDocument {
  readonly hosts: { name: string; outcome: string; why: string | null; error: { code: string } | null }[];
}

const onLab = ["-i", inventory];
const outcomes = ({ hosts }: ApplyDocument) => hosts.map(({ name, outcome }) => `${name} ${outcome}`);

beforeAll(async () => {
  await freshLab("2.6", "--lb", "2");
});

afterAll(async () => {
  expect((await lbctl(["lab", "up", "--yes"])).code).toBe(0);
});

test("two load balancers are made alike: the same identity, the same server ids", async () => {
  const { document } = await lbctlJson<ApplyDocument>(["apply", ...onLab, "--yes"]);
  expect(outcomes(document)).toEqual(["lb-1 changed", "lb-2 changed"]);
  const configs = await Promise.all(
    ["lb-1", "lb-2"].map((host) => output(host, "cat /etc/haproxy/haproxy.cfg")),
  );
  expect(configs[0]).toBe(configs[1]);
  for (const host of ["lb-1", "lb-2"]) expect((await get(`http://${addressOf(host)}/`)).status).toBe(200);
});

test("--limit leaves the others alone", async () => {
  const { document } = await lbctlJson<ApplyDocument>([
    "apply",
    ...onLab,
    "--yes",
    "-l",
    "lb-2",
    "-e",
    "haproxy_retries=2",
  ]);
  expect(outcomes(document)).toEqual(["lb-2 changed"]);
  expect(await output("lb-1", "grep -c 'retries 3' /etc/haproxy/haproxy.cfg")).toBe("1");
  expect(outcomes((await lbctlJson<ApplyDocument>(["apply", ...onLab, "--yes"])).document)).toEqual([
    "lb-1 unchanged",
    "lb-2 changed",
  ]);
});

test("a host that fails is reported as it is, and hosts not yet begun are left out", async () => {
  await output(
    "lb-1",
    "mkdir -p /run/lbctl; systemd-run -q --unit=holder flock /run/lbctl/haproxy.lock sleep 60; sleep 0.5",
  );
  const change = ["-e", "haproxy_retries=4", "--forks", "1"];
  const { code, document } = await lbctlJson<ApplyDocument>(["apply", ...onLab, "--yes", ...change]);
  expect(outcomes(document)).toEqual(["lb-1 failed", "lb-2 skipped"]);
  expect(document.hosts[0]?.error?.code).toBe("busy");
  expect(code).toBe(7);
  await output("lb-1", "systemctl stop holder");
  expect(
    outcomes((await lbctlJson<ApplyDocument>(["apply", ...onLab, "--yes", ...change])).document),
  ).toEqual(["lb-1 changed", "lb-2 changed"]);
});

/** A change that this host alone refuses: another program has the port there. */
async function whereRefused<T>(host: string, part: (change: readonly string[]) => Promise<T>): Promise<T> {
  await output(
    host,
    `systemd-run -q --unit=squatter perl -e 'use IO::Socket; my $s = IO::Socket::INET->new(LocalAddr => "0.0.0.0:8111", Listen => 5, ReuseAddr => 1) or die; sleep'; sleep 0.5`,
  );
  return part(["-e", "haproxy_stats_port=8111"]).finally(() => output(host, "systemctl stop squatter"));
}

const state = (host: string) =>
  output(host, "readlink /var/lib/lbctl/haproxy/current; cat /etc/haproxy/haproxy.cfg");

test("a canary that fails stops the second load balancer, which is untouched", async () => {
  const before = await state("lb-2");
  const { code, document, stderr } = await whereRefused("lb-1", (change) =>
    lbctlJson<ApplyDocument>(["apply", ...onLab, "--yes", ...change]),
  );
  expect(outcomes(document)).toEqual(["lb-1 failed", "lb-2 skipped"]);
  expect(document.hosts[1]?.why).toBe("not begun: lb-1 failed");
  expect(code).toBe(5);
  expect(stderr).toContain("lbctl apply");
  expect(await state("lb-2")).toBe(before);
});

test("rollback-all puts back what was changed, and the history says so", async () => {
  const config = await output("lb-1", "cat /etc/haproxy/haproxy.cfg");
  const { code, document } = await whereRefused("lb-2", (change) =>
    lbctlJson<ApplyDocument>(["apply", ...onLab, "--yes", "--on-failure", "rollback-all", ...change]),
  );
  expect(outcomes(document)).toEqual(["lb-1 rolled-back", "lb-2 failed"]);
  expect(document.hosts[0]).toMatchObject({
    error: { code: "rolled-back" },
    why: "changed, and put back: lb-2 failed",
  });
  expect(code).toBe(6);
  expect(await output("lb-1", "cat /etc/haproxy/haproxy.cfg")).toBe(config);
  const history = await lbctl(["history", ...onLab, "-l", "lb-1"]);
  expect(history.stdout).toMatch(/^ *\* +\d+ \S+ back to \d+ [^]*?^ *\+ +\d+ \S+ changed /m);
  expect((await get(`http://${addressOf("lb-1")}/`)).status).toBe(200);
});

test("rollback-all takes back a first apply, too", async () => {
  for (const host of ["lb-1", "lb-2"])
    expect((await lbctl(["release", host, ...onLab, "--yes"])).code).toBe(0);
  const config = await output(
    "lb-1",
    "sed -i '1i # by hand' /etc/haproxy/haproxy.cfg; cat /etc/haproxy/haproxy.cfg",
  );
  const flags = ["--yes", "--adopt", "--on-failure", "rollback-all"];
  const { document } = await whereRefused("lb-2", (change) =>
    lbctlJson<ApplyDocument>(["apply", ...onLab, ...flags, ...change]),
  );
  expect(outcomes(document)).toEqual(["lb-1 rolled-back", "lb-2 failed"]);
  expect(await output("lb-1", "cat /etc/haproxy/haproxy.cfg")).toBe(config);
  expect((await get(`http://${addressOf("lb-1")}/`)).status).toBe(200);
  expect((await lbctl(["apply", ...onLab, "--yes", "--adopt", "--force"])).code).toBe(0);
});

test("the rerun resumes: with --on-failure continue only what failed is left to do", async () => {
  const run = async (change: readonly string[]) =>
    (await lbctlJson<ApplyDocument>(["apply", ...onLab, "--yes", "--on-failure", "continue", ...change]))
      .document;
  const change = await whereRefused("lb-1", async (words) => {
    expect(outcomes(await run(words))).toEqual(["lb-1 failed", "lb-2 changed"]);
    return words;
  });
  expect(outcomes(await run(change))).toEqual(["lb-1 changed", "lb-2 unchanged"]);
});

test("when one cannot be reached nothing is changed on any, and status is degraded", async () => {
  await incus("stop", "--force", "lb-2");
  const before = await output("lb-1", "readlink /var/lib/lbctl/haproxy/current");
  const refused = await lbctl(["apply", ...onLab, "--yes", "-e", "haproxy_retries=5"]);
  expect(refused.code).toBe(4);
  expect(refused.stderr).toContain("lb-2");
  expect(await output("lb-1", "readlink /var/lib/lbctl/haproxy/current")).toBe(before);
  const status = await lbctl(["status", ...onLab]);
  expect(status.code).toBe(10);
  expect(status.stdout).toMatch(/lb-2\s+unavailable/);

  const startIt = (): void => void incus("start", "lb-2");
  const waited = await lbctl(["status", ...onLab, "--wait", "60"], {
    started: ({ stderr }) => stderr?.once("data", startIt),
  });
  expect(waited.stderr).toContain("waiting: the fleet is degraded (lb-2)");
  expect(waited.code).toBe(0);
});
