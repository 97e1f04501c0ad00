import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { get } from "../support/http.ts";
import { addressOf, balancer, freshBalancer, inventory } from "../support/hosts.ts";
import { liveState, output, withoutDryBoot } from "../support/lab.ts";
import { lbctl, lbctlJson } from "../support/lbctl.ts";
import { projectWith } from "../support/project.ts";

interface ApplyDocument {
  readonly hosts: {
    name: string;
    outcome: string;
    error: { code: string; problems: { what: string }[] } | null;
  }[];
}

const onLab = ["-i", inventory];
const apply = (...args: string[]) => lbctlJson<ApplyDocument>(["apply", ...onLab, "--yes", ...args]);
const state = "/var/lib/lbctl/haproxy";
let url = "";

beforeAll(async () => {
  await freshBalancer();
  url = `http://${addressOf(balancer)}/`;
  expect((await apply()).document.hosts[0]?.outcome).toBe("changed");
});

/** Whatever happened before: the host serves, and an apply brings it to what the inventory says. */
async function converges(): Promise<void> {
  expect((await get(url)).status).toBe(200);
  expect((await apply()).code).toBe(0);
  expect((await apply()).document.hosts[0]?.outcome).toBe("unchanged");
  expect((await get(url)).status).toBe(200);
}

describe("an apply that fails", () => {
  test("finds the lock taken, and leaves the other's staged files alone", async () => {
    await output(balancer, `mkdir -p ${state}/staging && echo theirs > ${state}/staging/haproxy.cfg`);
    await output(
      balancer,
      "mkdir -p /run/lbctl; systemd-run -q --unit=holder flock /run/lbctl/haproxy.lock sleep 30; sleep 0.5",
    );
    const { code } = await apply("-e", "haproxy_retries=4");
    expect(code).toBe(7);
    expect(await output(balancer, `cat ${state}/staging/haproxy.cfg`)).toBe("theirs");
    await output(balancer, "systemctl stop holder");
    await converges();
  });

  test("cannot make room for its state: nothing that is live is touched", async () => {
    const before = await liveState(balancer);
    await output(balancer, `mount -t tmpfs -o ro,size=1m tmpfs ${state}/generations`);
    const { code, document } = await apply("-e", "haproxy_retries=4");
    await output(balancer, `umount ${state}/generations`);
    expect(document.hosts[0]?.outcome).toBe("failed");
    expect(code).not.toBe(0);
    expect(await liveState(balancer)).toBe(before);
    await converges();
  });

  test("finds its disk full while it stages: that is said, and nothing that is live is touched", async () => {
    const before = await liveState(balancer);
    // the same state, on a disk of its own that has no room
    await output(
      balancer,
      `set -e; mount -t tmpfs -o size=4m tmpfs /mnt; cp -a ${state}/. /mnt; head -c 5M /dev/zero >/mnt/filler 2>/dev/null || :; mount --bind /mnt ${state}; umount /mnt`,
    );
    const { code, document } = await apply("-e", "haproxy_retries=4");
    await output(balancer, `umount ${state}`);
    expect(document.hosts[0]?.error?.problems[0]?.what).toContain("is full");
    expect(document.hosts[0]?.error?.code).toBe("rejected");
    expect(code).toBe(5);
    expect(await liveState(balancer)).toBe(before);
    await converges();
  });

  test("goes back to a set that was broken by hand: the worker that still serves is not killed", async () => {
    await output(
      balancer,
      "cp /etc/haproxy/haproxy.cfg /root/good.cfg; echo '    bogus' >> /etc/haproxy/haproxy.cfg",
    );
    const cwd = projectWith((text) => text.replace("/run/haproxy/admin.sock", "/nowhere/admin.sock"));
    const { document } = await withoutDryBoot(balancer, () =>
      lbctlJson<ApplyDocument>(["apply", ...onLab, "--yes", "--force"], { cwd }),
    );
    expect(document.hosts[0]?.outcome).toBe("failed");
    expect(document.hosts[0]?.error?.problems[0]?.what).toContain("The old worker still serves");
    // the edit is back with the set that it is in
    expect((await apply("--force")).code).toBe(0);
    await converges();
  });
});

test("without a master socket systemd reloads, and the new worker is still known to serve", async () => {
  const dropIn = "/run/systemd/system/haproxy.service.d/no-master.conf";
  await output(
    balancer,
    `mkdir -p $(dirname ${dropIn}); printf '[Service]\\nEnvironment=EXTRAOPTS=\\n' > ${dropIn}; systemctl daemon-reload; systemctl restart haproxy; rm -f /run/haproxy-master.sock`,
  );
  expect((await apply("-e", "haproxy_retries=2")).document.hosts[0]).toMatchObject({
    outcome: "changed",
    error: null,
  });
  expect(
    await output(
      balancer,
      "grep -c 'retries 2' /etc/haproxy/haproxy.cfg; test ! -S /run/haproxy-master.sock",
    ),
  ).toBe("1");
  await output(balancer, `rm ${dropIn}; systemctl daemon-reload; systemctl restart haproxy`);
  await converges();
});

test("without the admin socket's file, HAProxy is asked through its master", async () => {
  await output(balancer, "rm /run/haproxy/admin.sock");
  expect((await lbctlJson<{ changes: boolean }>(["plan", ...onLab])).document.changes).toBe(false);
  expect((await apply("-e", "haproxy_retries=4")).document.hosts[0]).toMatchObject({
    outcome: "changed",
    error: null,
  });
  expect((await get(url)).status).toBe(200);
  await output(balancer, "systemctl restart haproxy; test -S /run/haproxy/admin.sock");
  await converges();
});

test("a server that was loaded by hand with another port gets the configuration's again", async () => {
  await output(
    balancer,
    "sed -i 's#\\(server test-api [0-9.]*\\):8080#\\1:8099#' /etc/haproxy/haproxy.cfg; systemctl reload haproxy",
  );
  await output(balancer, "grep -q :8099 /etc/haproxy/haproxy.cfg");
  expect((await apply("--adopt")).document.hosts[0]?.outcome).toBe("changed");
  await converges();
  const { code, document } = await lbctlJson<{ health: string }>(["status", ...onLab, "--wait", "30"]);
  expect({ code, health: document.health }).toEqual({ code: 0, health: "ok" });
});

test("status asks HAProxy through its master where the admin socket's file is lost", async () => {
  await output(balancer, "rm /run/haproxy/admin.sock");
  expect((await lbctlJson<{ health: string }>(["status", ...onLab])).document.health).toBe("ok");
  await output(balancer, "systemctl restart haproxy");
  expect((await lbctl(["status", ...onLab, "--wait", "30"])).code).toBe(0);
});

test("without its link to the current generation, what stood there before lbctl is still kept", async () => {
  const before = await output(balancer, `cat ${state}/generations/0/haproxy.cfg`);
  await output(balancer, `rm ${state}/current`);
  expect((await apply()).document.hosts[0]?.outcome).toBe("changed");
  expect(await output(balancer, `cat ${state}/generations/0/haproxy.cfg`)).toBe(before);
  await converges();
});

test("stray names among the generations are passed over", async () => {
  await output(balancer, `mkdir -p ${state}/generations/1.bak ${state}/generations/x`);
  expect((await apply("-e", "haproxy_retries=5")).document.hosts[0]?.outcome).toBe("changed");
  await converges();
  expect(await output(balancer, `ls ${state}/generations`)).toMatch(/1\.bak[^]*x$/);
});

test("lbctl killed at any moment leaves a host that serves, and the next apply mends it", async () => {
  for (let round = 0; round < 8; round += 1) {
    const change = ["-e", `haproxy_timeout_queue_ms=${String(7000 + round)}`, "--confirm-timeout", "1"];
    await lbctl(["apply", ...onLab, "--yes", ...change], {
      started: (child) => {
        void sleep(250 + 60 * round).then(() => child.kill("SIGKILL"));
      },
    });
    expect((await get(url)).status).toBe(200);
  }
  // A commit that was under way ends by itself, and goes back when nobody confirms it.
  await sleep(4000);
  await converges();
});

test("Ctrl-C before the change stops it, with exit 130 and nothing touched", async () => {
  const before = await liveState(balancer);
  const result = await lbctl(["apply", ...onLab, "--yes", "-e", "haproxy_retries=6"], {
    started: (child) => {
      void sleep(200).then(() => child.kill("SIGINT"));
    },
  });
  expect(result.code).toBe(130);
  expect(await liveState(balancer)).toBe(before);
});
