import { beforeAll, describe, expect, test } from "vitest";
import { get, startLoad } from "../support/http.ts";
import { addressOf, balancers, freshBalancer } from "../support/hosts.ts";
import { inside, liveState, output, runtime, withoutDryBoot } from "../support/lab.ts";
import { lbctl, lbctlJson } from "../support/lbctl.ts";
import { projectWith } from "../support/project.ts";
import { releases } from "../support/releases.ts";

interface ChangeDocument {
  readonly hosts: {
    name: string;
    outcome: string;
    error: { code: string; problems: { what: string }[] } | null;
  }[];
}

interface HistoryDocument {
  readonly format_version: number;
  readonly hosts: {
    name: string;
    current: number | null;
    previous: number | null;
    entries: {
      generation: number | null;
      outcome: string;
      by: string;
      at: string;
      reason: string | null;
      restores: number | null;
      kept: boolean;
      files: { path: string; action: string }[];
    }[];
  }[];
}

const state = "/var/lib/lbctl/haproxy";

/** A project whose HAProxy wants a folder that it may miss later. */
const wantsFolder = () =>
  projectWith((text) =>
    text.replace("    stats timeout 30s", "    stats socket /run/extra/x.sock\n    stats timeout 30s"),
  );

describe.each(releases)("HAProxy %s", (version) => {
  const { name: host, inventory } = balancers[version];
  const onLab = ["-i", inventory];
  const apply = (...args: string[]) => lbctlJson<ChangeDocument>(["apply", ...onLab, "--yes", ...args]);
  const rollback = (...args: string[]) => lbctlJson<ChangeDocument>(["rollback", ...onLab, "--yes", ...args]);
  const release = (...args: string[]) =>
    lbctlJson<ChangeDocument>(["release", host, ...onLab, "--yes", ...args]);
  const history = async () => {
    const { document } = await lbctlJson<HistoryDocument>(["history", ...onLab]);
    const [found] = document.hosts;
    if (!found) throw new Error("no host");
    return found;
  };
  /** Generation and outcome of the newest entries. */
  const newest = async (count: number) =>
    (await history()).entries.slice(0, count).map(({ generation, outcome }) => [generation, outcome]);
  const retries = () => output(host, "sed -n 's/^ *retries //p' /etc/haproxy/haproxy.cfg");
  const loaded = async () => /^description: (.*)$/im.exec(await runtime(host, "show info"))?.[1];
  const written = () => output(host, "sed -n 's/^ *description //p' /etc/haproxy/haproxy.cfg");
  const console = (words: string) => inside(host, `/var/lib/lbctl/bin/rollback ${words}`);
  // On 3.0 only what a reload that fails says and does differs by release; the rest asks HAProxy for nothing else.
  const once = test.skipIf(version === "3.0");
  let url = "";

  beforeAll(async () => {
    await freshBalancer(version);
    url = `http://${addressOf(host)}/`;
  });

  once("a host without HAProxy has no history, and nothing to go back to or to let go of", async () => {
    expect(await history()).toMatchObject({ current: null, previous: null, entries: [] });
    expect((await rollback()).code).toBe(5);
    expect((await release()).document.hosts[0]?.outcome).toBe("unchanged");
    expect((await lbctl(["history", ...onLab])).stdout).toContain("nothing that lbctl did");
  });

  test("each apply is told: who, when, what, and how it ended", async () => {
    for (const number of [4, 5, 6])
      expect((await apply("-e", `haproxy_retries=${String(number)}`)).code).toBe(0);
    const { current, previous, entries } = await history();
    expect([current, previous]).toEqual([3, 2]);
    expect(entries.map(({ generation, outcome, kept }) => [generation, outcome, kept])).toEqual([
      [3, "changed", true],
      [2, "changed", true],
      [1, "changed", true],
    ]);
    expect(entries[0]).toMatchObject({
      by: expect.stringMatching(/^\S+@\S+$/) as string,
      files: [{ path: "haproxy.cfg", action: "update" }],
      reason: null,
    });
    expect(Math.abs(Date.parse(entries[0]?.at ?? "") - Date.now())).toBeLessThan(120_000);
    expect(await output(host, `stat -c '%a %U' ${state}/history`)).toBe("600 root");

    const { stdout } = await lbctl(["history", ...onLab]);
    expect(stdout).toMatch(/\* +3 .*changed/);
    expect(stdout).toMatch(/\+ +2 .*changed/);
    expect(Math.max(...stdout.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  test("an apply that does not hold is told with its reason; one that was refused is not", async () => {
    const cwd = projectWith((text) => text.replace("/run/haproxy/admin.sock", "/nowhere/admin.sock"));
    const { code } = await withoutDryBoot(host, () => lbctl(["apply", ...onLab, "--yes"], { cwd }));
    expect(code).toBe(6);
    const refused = projectWith((text) => text.replace("    timeout queue <%=", "    timeout quue <%="));
    expect((await lbctl(["apply", ...onLab, "--yes"], { cwd: refused })).code).toBe(5);
    const { current, entries } = await history();
    expect(current).toBe(3);
    expect(entries).toHaveLength(4);
    expect(entries[0]).toMatchObject({ generation: 4, outcome: "rolled-back", kept: false });
    expect(entries[0]?.reason).toContain("/nowhere");
    expect((await lbctl(["history", ...onLab])).stdout).toContain("/nowhere");
  });

  once("a rollback shows its plan, and without a yes does nothing", async () => {
    const before = await liveState(host);
    const check = await lbctl(["rollback", ...onLab, "--check"]);
    expect(check.code).toBe(0);
    expect(check.stdout).toContain("-    retries 6");
    expect(check.stdout).toContain("+    retries 5");
    expect(check.stdout).toContain("back to generation 2");
    expect((await lbctl(["rollback", ...onLab])).code).toBe(3);
    expect(await liveState(host)).toBe(before);
  });

  test("a rollback makes a new generation under load, and no request fails", async () => {
    const load = startLoad(url, 8);
    const { code, document } = await rollback();
    const { sent, failures } = await load.stop();
    expect(document.hosts[0]).toEqual({ name: host, outcome: "changed", why: null, error: null });
    expect(code).toBe(0);
    expect(sent).toBeGreaterThan(100);
    expect(failures).toEqual([]);
    expect(await retries()).toBe("5");
    expect(await output(host, `readlink ${state}/current`)).toBe("generations/4");
    expect(await loaded()).toBe(await written());
    const { entries, previous } = await history();
    expect(entries[0]).toMatchObject({ generation: 4, outcome: "rollback", restores: 2 });
    expect(previous).toBe(3);
    const plan = await lbctl(["plan", ...onLab, "-e", "haproxy_retries=5"]);
    expect(plan.stdout).toContain("unchanged");
  });

  once("a second rollback undoes the first, and --to names a generation", async () => {
    expect((await rollback()).code).toBe(0);
    expect(await retries()).toBe("6");
    expect((await rollback("--to", "1")).code).toBe(0);
    expect(await retries()).toBe("4");
    expect(await newest(2)).toEqual([
      [6, "rollback"],
      [5, "rollback"],
    ]);
    expect((await rollback("--to", "1")).document.hosts[0]?.outcome).toBe("unchanged");
  });

  once("a generation that is not there, or is the current one, is refused", async () => {
    expect((await rollback("--to", "77")).code).toBe(5);
    expect((await rollback("--to", "6")).code).toBe(5);
  });

  once("lists stay as they are today", async () => {
    const list = "cat /etc/haproxy/lists/trusted_ips.list";
    expect((await apply("-e", '{"haproxy_retries": 7, "haproxy_trusted_ips": ["192.0.2.7"]}')).code).toBe(0);
    const today = await output(host, list);
    expect((await rollback()).code).toBe(0);
    expect(await retries()).toBe("4");
    expect(await output(host, list)).toBe(today);
    expect(today).toContain("192.0.2.7");
    expect((await rollback("--to", "1")).document.hosts[0]?.outcome).toBe("unchanged");
  });

  once("a damaged generation is refused by name, and nothing is touched", async () => {
    const before = await liveState(host);
    await output(host, `echo '# by hand' >> ${state}/generations/3/haproxy.cfg`);
    await output(host, `touch ${state}/generations/3/lists/more.list`);
    const { code, document } = await rollback("--to", "3");
    expect(code).toBe(5);
    expect(document.hosts[0]?.error?.problems[0]?.what).toBe(
      "generation 3 cannot be gone back to: lists/more.list was added; haproxy.cfg has another content",
    );
    expect(await liveState(host)).toBe(before);
    expect((await console("3")).code).toBe(5);
    expect(await liveState(host)).toBe(before);
    expect((await console("--list")).stdout).toMatch(/^ *3 .*damaged$/m);
  });

  test("a rollback that does not hold goes back to what was, and says so", async () => {
    await output(host, "mkdir /run/extra");
    const cwd = wantsFolder();
    expect((await lbctl(["apply", ...onLab, "--yes"], { cwd })).code).toBe(0);
    const wanting = (await history()).current ?? 0;
    expect((await apply()).code).toBe(0);
    await output(host, "rm -rf /run/extra");
    const files = "readlink -f /etc/haproxy/haproxy.cfg; sha256sum /etc/haproxy/haproxy.cfg";
    const before = await output(host, files);

    const load = startLoad(url, 4);
    const { code, document } = await withoutDryBoot(host, () => rollback());
    expect(document.hosts[0]).toMatchObject({ outcome: "rolled-back", error: { code: "rolled-back" } });
    expect(code).toBe(6);
    const byConsole = await console(String(wanting));
    // 2.6 tells its journal alone, and journald drops lines of a service that logs many
    if (version !== "2.6") expect(byConsole.stderr).toContain("/run/extra");
    expect(byConsole.code).toBe(6);
    expect((await load.stop()).failures).toEqual([]);

    expect(await output(host, files)).toBe(before);
    expect(await loaded()).toBe(await written());
    expect(await newest(2)).toEqual([
      [wanting, "rolled-back"],
      [wanting + 2, "rolled-back"],
    ]);
    expect((await apply()).document.hosts[0]?.outcome).toBe("unchanged");
  });

  test("the console goes back without lbctl, honours the lock, and is told", async () => {
    expect(await output(host, "stat -c '%a %U' /var/lib/lbctl/bin/rollback")).toBe("700 root");
    const { current } = await history();
    expect((await console("--list")).stdout).toMatch(new RegExp(`^ *${String(current)} .*current$`, "m"));
    expect((await console("--help")).code).toBe(3);
    await output(host, "systemd-run -q --unit=holder flock /run/lbctl/haproxy.lock sleep 60; sleep 0.5");
    expect((await console("2")).code).toBe(7);
    await output(host, "systemctl stop holder");

    const load = startLoad(url, 4);
    const { code, stdout } = await console("2");
    expect((await load.stop()).failures).toEqual([]);
    expect(stdout).toContain("generation 2 serves");
    expect(code).toBe(0);
    expect(await retries()).toBe("5");
    expect(await loaded()).toBe(await written());
    const after = await history();
    expect(after.current).toBe(2);
    expect(after.previous).toBe(current);
    expect(after.entries[0]).toMatchObject({
      generation: 2,
      outcome: "rollback",
      restores: 2,
      by: `root@${host} (console)`,
      kept: true,
    });
    expect((await console("")).code).toBe(0);
    expect((await history()).current).toBe(current);
    expect((await console("2")).code).toBe(0);
    expect((await apply()).document.hosts[0]?.outcome).toBe("changed");
    expect((await history()).current).toBe((current ?? 0) + 1);
  });

  once("a console program that was changed or lost comes back with the next change", async () => {
    await output(host, "echo : > /var/lib/lbctl/bin/rollback");
    expect((await apply("-e", "haproxy_retries=8")).code).toBe(0);
    expect((await console("--list")).code).toBe(0);
    await output(host, "rm -r /var/lib/lbctl/bin");
    expect((await apply("-e", "haproxy_retries=9")).code).toBe(0);
    expect((await console("--list")).code).toBe(0);
  });

  once("the history is bounded", async () => {
    await output(
      host,
      `for n in $(seq 300); do head -n 1 ${state}/history; done > /tmp/h && cat /tmp/h ${state}/history > /tmp/h2 && cat /tmp/h2 > ${state}/history`,
    );
    expect((await apply()).code).toBe(0);
    expect(await output(host, `wc -l < ${state}/history; stat -c %a ${state}/history`)).toBe("200\n600");
  });

  once("a link replaced by a file needs --force, or --adopt, to go back", async () => {
    await output(host, "sed -i 's/retries 3/retries 1/' /etc/haproxy/haproxy.cfg");
    const refused = await lbctl(["rollback", ...onLab, "--yes"]);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("--force");
    expect((await console("")).code).toBe(5);
    expect((await rollback("--adopt")).code).toBe(0);
    expect(await retries()).toBe("9");
    expect(await output(host, "readlink /etc/haproxy/haproxy.cfg")).toBe(`${state}/current/haproxy.cfg`);
  });

  once("a release leaves plain files with today's content, and HAProxy as it runs", async () => {
    await output(host, "chgrp haproxy /etc/haproxy/lists/trusted_ips.list");
    await output(host, "chmod 640 /etc/haproxy/lists/trusted_ips.list");
    const look =
      "cd /etc/haproxy; find -L . -type f -exec stat -L -c '%n %a %U %G' {} + | sort; find -L . -type f | sort | xargs sha256sum; pgrep -x haproxy | sort";
    const before = await output(host, look);
    const shown = await lbctl(["release", host, ...onLab]);
    expect(shown.code).toBe(3);
    expect(shown.stdout).toContain("/etc/haproxy/haproxy.cfg becomes plain");

    // as a release that was cut off left it
    await output(host, `cp -a ${state}/current/maps /etc/haproxy/.maps.lbctl; rm /etc/haproxy/maps`);
    await output(
      host,
      `cp -a ${state}/current/lists /etc/haproxy/.l && rm /etc/haproxy/lists && mv /etc/haproxy/.l /etc/haproxy/lists`,
    );
    const { code, document } = await release();
    expect(document.hosts[0]).toEqual({ name: host, outcome: "changed", why: null, error: null });
    expect(code).toBe(0);

    expect(await output(host, look)).toBe(before);
    expect(await output(host, "find /etc/haproxy -type l; ls -A /etc/haproxy | grep lbctl || :")).toBe("");
    expect(await output(host, "ls -d /var/lib/lbctl/bin 2>&1 || :")).toContain("No such file");
    await output(host, "haproxy -Ws -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy");
    expect((await get(url)).status).toBe(200);
    expect((await history()).current).toBe(null);
    expect(await newest(1)).toEqual([[null, "released"]]);
    expect((await release()).document.hosts[0]?.outcome).toBe("unchanged");
    expect((await rollback()).code).toBe(5);
  });

  once("after a release the set is the operator's own: apply asks for --adopt, and keeps it", async () => {
    await output(host, "sed -i 's/retries 9/retries 2/' /etc/haproxy/haproxy.cfg");
    expect((await lbctl(["plan", ...onLab])).stdout).toContain("the files there are your own");
    const refused = await lbctl(["apply", ...onLab, "--yes"]);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("--adopt");
    const numbers = `ls ${state}/generations | sort -n | tail -n 1`;
    const last = Number(await output(host, numbers));
    expect((await apply("--adopt")).code).toBe(0);
    expect(Number(await output(host, numbers))).toBe(last + 2);
    expect(await output(host, `cat ${state}/generations/${String(last + 1)}/haproxy.cfg`)).toContain(
      "retries 2",
    );
    expect((await history()).previous).toBe(last + 1);
  });

  once("what stood there before lbctl is gone back to, checked, and so is what came after", async () => {
    const { previous } = await history();
    const kept = `${state}/generations/${String(previous)}`;
    expect(await output(host, `stat -c %a ${kept}/.kept.json`)).toBe("600");
    const plan = await lbctl(["rollback", ...onLab, "--check"]);
    expect(plan.stdout).toContain(`back to generation ${String(previous)}, which stood there before lbctl`);
    expect((await rollback()).document.hosts[0]).toMatchObject({ outcome: "changed", error: null });
    expect(await retries()).toBe("2");
    expect((await get(url)).status).toBe(200);
    expect((await rollback()).document.hosts[0]).toMatchObject({ outcome: "changed", error: null });
    expect(await retries()).toBe("3");
    const list = await output(host, "/var/lib/lbctl/bin/rollback --list");
    expect(list).toMatch(new RegExp(`^ *${String(previous)} .*before lbctl$`, "m"));
    await output(host, `/var/lib/lbctl/bin/rollback ${String(previous)} && /var/lib/lbctl/bin/rollback`);

    await output(host, `echo '# more' >>${kept}/haproxy.cfg`);
    const damaged = await rollback("--to", String(previous));
    expect(damaged.code).toBe(5);
    expect(damaged.stderr).toContain("haproxy.cfg has another content");
  });

  once("what an older lbctl kept cannot be checked: there is a way by hand", async () => {
    const kept = await output(host, `cd ${state}/generations; ls -d */.kept.json | tail -n 1`);
    await output(host, `rm ${state}/generations/${kept}`);
    const { code, stderr } = await rollback("--to", String(Number.parseInt(kept, 10)));
    expect(code).toBe(5);
    const [, first = "", onHost = ""] = /`lbctl (release [^`]*)`, then there `([^`]*)`/.exec(stderr) ?? [];
    expect((await lbctl([...first.split(" "), ...onLab, "--yes"])).code).toBe(0);
    await output(host, onHost);
    expect(await retries()).toBe("2");
    expect((await get(url)).status).toBe(200);
    expect((await apply("--adopt")).code).toBe(0);
  });

  test("an adoption that does not hold leaves the operator's own content", async () => {
    expect((await release()).code).toBe(0);
    await output(host, "sed -i 's/retries 3/retries 2/' /etc/haproxy/haproxy.cfg");
    const cwd = projectWith((text) => text.replace("/run/haproxy/admin.sock", "/nowhere/admin.sock"));
    const { code } = await withoutDryBoot(host, () =>
      lbctl(["apply", ...onLab, "--yes", "--adopt"], { cwd }),
    );
    expect(code).toBe(6);
    expect(await retries()).toBe("2");
    expect((await get(url)).status).toBe(200);
    // it is still somebody's own, whoever comes next
    expect((await apply()).code).toBe(3);
    expect((await apply("--adopt")).code).toBe(0);
  });

  once("a release with --purge leaves no generation, and a host that an apply can take over", async () => {
    expect((await release("--purge")).code).toBe(0);
    expect(await output(host, `ls ${state}; cat ${state}/state/servers`)).toBe("history\nstate\n1");
    await output(host, "systemctl restart haproxy");
    expect((await get(url)).status).toBe(200);
    expect((await apply("--adopt")).code).toBe(0);
    expect((await history()).entries.slice(0, 2)).toMatchObject([
      { generation: 1, outcome: "changed", kept: true },
      { generation: null, outcome: "released" },
    ]);
  });
});
