import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { confirmScript } from "../../src/apply/pending.ts";
import { get } from "../support/http.ts";
import { addressOf, balancers, freshBalancer } from "../support/hosts.ts";
import { incus, inside, output, runtime } from "../support/lab.ts";
import { lbctl, lbctlJson } from "../support/lbctl.ts";
import { releases } from "../support/releases.ts";

interface ApplyDocument {
  readonly hosts: {
    outcome: string;
    error: { code: string; problems: { what: string; hint: string }[] } | null;
  }[];
}

interface HistoryDocument {
  readonly hosts: {
    entries: { outcome: string; reason: string | null }[];
    undecided: { generation: number; reverting: boolean; left_s: number } | null;
  }[];
}

const state = "/var/lib/lbctl/haproxy";
let number = 6000;
const changing = `[ -e ${state}/pending ]`;
const serving = `grep -qx "phase serving" ${state}/pending 2>/dev/null`;
/** New connections are taken by the kernel, and never answered. */
const cutTheWayIn = "kill -STOP $(systemctl show -p MainPID --value ssh)";
const openTheWayIn = "kill -CONT $(systemctl show -p MainPID --value ssh)";
/** All that holds the lock: the script, and what it started. */
const killTheScript =
  "for p in /proc/[0-9]*; do case $(readlink $p/fd/9) in */haproxy.lock) kill -9 ${p##*/};; esac; done";

describe.each(releases)("HAProxy %s", (version) => {
  const { name: host, inventory } = balancers[version];
  const onLab = ["-i", inventory];
  /** Each changes something. */
  const change = (...args: string[]) =>
    lbctlJson<ApplyDocument>([
      ...["apply", ...onLab, "--yes", "-e", `haproxy_timeout_queue_ms=${String((number += 1))}`],
      ...args,
    ]);
  const plan = async () => (await lbctlJson<{ changes: boolean }>(["plan", ...onLab])).document;
  const history = async () => (await lbctlJson<HistoryDocument>(["history", ...onLab])).document.hosts[0];
  const live = () => output(host, "readlink -f /etc/haproxy/haproxy.cfg; cat /etc/haproxy/haproxy.cfg");
  const token = (file: string) => output(host, `sed -n 's/^token //p' ${state}/${file}`);

  /** Does `what` on the host as soon as `when` is so there; both are shell. */
  async function onceOnHost(when: string, what: string): Promise<void> {
    const script = `i=0\nuntil ${when}; do i=$((i + 1)); [ $i -lt 3000 ] || exit; sleep 0.01; done\n${what}\n`;
    const encoded = Buffer.from(script).toString("base64");
    await output(
      host,
      `echo ${encoded} | base64 -d > /run/once.sh; systemd-run -q --collect sh /run/once.sh`,
    );
  }
  let url = "";

  beforeAll(async () => {
    await freshBalancer(version);
    url = `http://${addressOf(host)}/`;
    const { document } = await change("--adopt");
    expect(document.hosts[0]).toMatchObject({ outcome: "changed", error: null });
  });

  afterEach(async () => {
    await inside(host, openTheWayIn);
  });

  /** The old set serves, nothing is left undecided, and the next change works. */
  async function isWhole(before: string): Promise<void> {
    expect(await live()).toBe(before);
    expect((await get(url)).status).toBe(200);
    expect(await output(host, `ls ${state} | grep -x 'pending\\|reverting' || echo none`)).toBe("none");
    expect((await change()).document.hosts[0]).toMatchObject({ outcome: "changed", error: null });
  }

  test("a change is confirmed over a connection of its own, and nothing is left to do", async () => {
    expect(await output(host, `cat ${state}/history | tail -n 1`)).toContain('"outcome":"changed"');
    expect(await output(host, "systemctl list-timers --no-legend 'lbctl-*' | wc -l")).toBe("0");
    const args = [...onLab, "-e", `haproxy_timeout_queue_ms=${String(number)}`];
    expect((await lbctlJson<{ changes: boolean }>(["plan", ...args])).document.changes).toBe(false);
  });

  test("a drain outlives a reload by hand, and the state is not kept for a later one", async () => {
    await runtime(host, "set server api_pool/test-api state drain");
    await output(host, "systemctl reload haproxy");
    expect(await runtime(host, "show stat -1 4 -1")).toMatch(/^api_pool,test-api,.*,DRAIN/m);
    expect(await output(host, `cat ${state}/state/servers`)).toBe("1");
    await runtime(host, "set server api_pool/test-api state ready");
  });

  test("a drop-in that was edited is a change, and is put right", async () => {
    const path = "/etc/systemd/system/haproxy.service.d/zz-lbctl.conf";
    const before = await output(host, `cat ${path}; echo 'ExecStartPre=/bin/false' >> ${path}`);
    expect((await plan()).changes).toBe(true);
    expect((await change()).document.hosts[0]?.outcome).toBe("changed");
    expect(await output(host, `cat ${path}`)).toBe(before);
  });

  test("a host that cannot be reached any more goes back by itself", async () => {
    const before = await live();
    await onceOnHost(changing, cutTheWayIn);
    const { code, document, stderr } = await change("--confirm-timeout", "3");
    await output(host, openTheWayIn);
    expect(code).toBe(6);
    expect(stderr).toMatch(/serving, but you cannot reach it: reverting in \d s/);
    expect(document.hosts[0]?.error?.problems[0]?.what).toBe("not confirmed within 3 s");
    expect((await history())?.entries[0]).toMatchObject({
      outcome: "rolled-back",
      reason: "not confirmed within 3 s",
    });
    const late = await output(host, confirmScript(state, "haproxy", await token("reverted"), 2));
    expect(late).toMatch(/^decision reverted\nentry .*not confirmed within 3 s/);
    expect(await output(host, confirmScript(state, "haproxy", "0123", 1))).toBe("decision unknown");
    await isWhole(before);
  });

  test.each([
    ["a restart by hand", "systemctl restart haproxy", /restarted before the change was confirmed/],
    ["the end of the master", "kill -9 $(systemctl show -p MainPID --value haproxy)", /HAProxy stopped/],
  ])("%s before the confirmation brings back the old set", async (_, what, reason) => {
    const before = await live();
    await onceOnHost(changing, `${cutTheWayIn}; until ${serving}; do sleep 0.01; done; ${what}`);
    const { code, document } = await change("--confirm-timeout", "20");
    await output(host, openTheWayIn);
    expect(code).toBe(6);
    expect(document.hosts[0]?.error?.problems[0]?.what).toMatch(reason);
    await isWhole(before);
  });

  test("until it is decided, others are told who, since when and how long, and are refused", async () => {
    const before = await live();
    await onceOnHost(changing, killTheScript);
    const first = change();
    await output(host, `until ${changing} && flock -n /run/lbctl/haproxy.lock true; do sleep 0.02; done`);
    expect((await history())?.undecided).toMatchObject({ reverting: false });
    expect((await lbctl(["plan", ...onLab])).stdout).toMatch(/is not confirmed yet, and\s+reverts by itself/);
    expect((await change()).code).toBe(7);
    const unit = `lbctl-haproxy-${await token("pending")}`;
    expect(await output(host, `systemctl show -p ActiveState --value ${unit}.timer`)).toBe("active");
    // what the timer does when its time has come
    await output(host, `systemctl start ${unit}.service; until [ -e ${state}/reverted ]; do sleep 0.1; done`);
    const { code, document } = await first;
    expect(code).toBe(6);
    expect(document.hosts[0]?.error?.problems[0]?.what).toBe("the apply was killed on the host");
    await isWhole(before);
  });

  test("with --lock-wait the next one waits until it is decided, and plans then", async () => {
    await onceOnHost(changing, killTheScript);
    const first = change();
    await output(host, `until ${changing} && flock -n /run/lbctl/haproxy.lock true; do sleep 0.02; done`);
    const next = change("--lock-wait", "60");
    await output(host, `sleep 2; systemctl start lbctl-haproxy-${await token("pending")}.service`);
    expect((await first).code).not.toBe(0);
    expect((await next).code).toBe(0);
    expect(await live()).toContain(`timeout queue ${String(number)}ms`);
  });

  describe("an adoption that is cut off while a folder is away to become a link", () => {
    /** Its `mv` of lists/ takes long from now on, and says on /run/slow that it is done. */
    const slowMove = `printf '%s\\n' '#!/bin/sh' '/usr/bin/mv "$@" || exit' 'case "$*" in */replaced/*lists*) touch /run/slow; sleep 20 ;; esac' >/usr/local/bin/mv; chmod 755 /usr/local/bin/mv; rm -f /run/slow`;
    const slow = "[ -e /run/slow ]";

    beforeEach(async () => {
      expect((await lbctl(["release", host, ...onLab, "--yes"])).code).toBe(0);
      await output(host, slowMove);
    });

    async function isAdopted(): Promise<void> {
      await output(host, "rm -f /usr/local/bin/mv; haproxy -c -f /etc/haproxy/haproxy.cfg");
      expect((await get(url)).status).toBe(200);
      expect((await change("--adopt")).document.hosts[0]).toMatchObject({ outcome: "changed", error: null });
      expect((await get(url)).status).toBe(200);
    }

    test("by a reboot: HAProxy starts with what was there", async () => {
      await onceOnHost(slow, "rm /usr/local/bin/mv; systemctl reboot -ff");
      expect((await change("--adopt")).code).not.toBe(0);
      await vi.waitFor(async () => {
        expect((await get(url)).status).toBe(200);
      }, 30_000);
      await isAdopted();
    });

    test("by the end of its script: the host makes it whole", async () => {
      await onceOnHost(slow, killTheScript);
      const first = change("--adopt");
      await output(host, `until ${slow} && flock -n /run/lbctl/haproxy.lock true; do sleep 0.02; done`);
      await output(host, `systemctl start lbctl-haproxy-${await token("pending")}.service`);
      expect((await first).document.hosts[0]?.outcome).toBe("rolled-back");
      await isAdopted();
    });
  });

  test("a release that a reboot cuts off while a folder's link is away: HAProxy starts, and it can be run again", async () => {
    await change("--adopt");
    await output(
      host,
      `printf '%s\\n' '#!/bin/sh' 'case "$*" in *.lists.lbctl*) touch /run/slow; sleep 20 ;; esac' 'exec /usr/bin/mv "$@"' >/usr/local/bin/mv; chmod 755 /usr/local/bin/mv; rm -f /run/slow`,
    );
    await onceOnHost("[ -e /run/slow ]", "rm /usr/local/bin/mv; systemctl reboot -ff");
    expect((await lbctl(["release", host, ...onLab, "--yes"])).code).not.toBe(0);
    await vi.waitFor(async () => {
      expect((await get(url)).status).toBe(200);
    }, 30_000);
    expect((await lbctl(["release", host, ...onLab, "--yes"])).code).toBe(0);
    expect(
      await output(host, "haproxy -c -f /etc/haproxy/haproxy.cfg; find /etc/haproxy -type l | wc -l"),
    ).toMatch(/0$/);
    expect((await change("--adopt")).document.hosts[0]).toMatchObject({ outcome: "changed", error: null });
  });

  test("an adoption that failed is not what the next one goes back to", async () => {
    expect((await lbctl(["release", host, ...onLab, "--yes"])).code).toBe(0);
    const folder = "/etc/systemd/system/haproxy.service.d";
    await output(host, `rm -rf ${folder}; echo x >${folder}`);
    expect((await change("--adopt")).code).toBe(5);
    const edit = "sed -i 's/timeout queue .*/timeout queue 8899ms/' /etc/haproxy/haproxy.cfg";
    await output(host, `rm ${folder}; ${edit}; systemctl reload haproxy`);
    const before = await output(host, "cat /etc/haproxy/haproxy.cfg");
    expect((await change("--adopt", "-e", "haproxy_api_health_path=/_demo/nowhere")).code).toBe(6);
    expect(await output(host, "cat /etc/haproxy/haproxy.cfg")).toBe(before);
    expect((await change("--adopt", "--force")).code).toBe(0);
  });

  test.each([
    ["is taken back", true],
    ["goes on", false],
  ])("a certificate that is put there while a change %s stays", async (_, cut) => {
    const name = `/etc/haproxy/certs/renewed-${String(cut)}.pem`;
    await onceOnHost(
      changing,
      `${cut ? cutTheWayIn : "true"}; until ${serving}; do sleep 0.01; done; echo C >${name}`,
    );
    const { code } = await change("--confirm-timeout", "3");
    await output(host, openTheWayIn);
    expect(code).toBe(cut ? 6 : 0);
    expect(await output(host, `cat ${name}`)).toBe("C");
    expect((await plan()).changes).toBe(true);
    expect((await change()).code).toBe(0);
    expect(await output(host, `cat ${name}; rm ${name}`)).toBe("C");
  });

  test("a reboot before the confirmation: the old set is back before HAProxy starts", async () => {
    const before = await live();
    await onceOnHost(changing, cutTheWayIn);
    const cut = change("--confirm-timeout", "60");
    await output(host, `until ${serving}; do sleep 0.05; done`);
    await incus("restart", "--force", host);
    const { code, document } = await cut;
    expect(document.hosts[0]?.error?.problems[0]?.what).toContain("the host rebooted");
    expect(code).toBe(6);
    await isWhole(before);
  });
});
