import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { plainAlerts } from "../../src/haproxy/alerts.ts";
import { get, startLoad } from "../support/http.ts";
import { addressOf, balancers, freshBalancer } from "../support/hosts.ts";
import { inside, liveState, output, withoutDryBoot } from "../support/lab.ts";
import { lbctl, lbctlJson, run } from "../support/lbctl.ts";
import { projectWith } from "../support/project.ts";
import { refusedSet, refusedSets } from "../support/refused.ts";
import { releases } from "../support/releases.ts";

interface ApplyDocument {
  readonly hosts: { outcome: string; error: { code: string; problems: Problem[] } | null }[];
}

interface Problem {
  readonly what: string;
  readonly step?: string;
  readonly rendered?: string;
  readonly from?: string[];
}

/** What is left of a dry boot would be one of these. */
const leftovers =
  "ls -a /var/lib/lbctl/haproxy/staging 2>/dev/null; pgrep -f '[u]nshare -n|[h]aproxy .*-db'; mount | grep -v ' on / ' | grep lbctl; echo none";

describe.each(releases)("HAProxy %s", (release) => {
  const { name: host, inventory } = balancers[release];
  const onLab = ["-i", inventory];
  // On 3.0 only what HAProxy or its unit says and does; what lbctl asks of the kernel, or finds itself, is the same there.
  const isSecond = release === "3.0";
  const once = test.skipIf(isSecond);
  let url = "";

  beforeAll(async () => {
    await freshBalancer(release);
    url = `http://${addressOf(host)}/`;
    expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
    await vi.waitFor(async () => {
      expect((await get(url)).status).toBe(200);
    }, 10_000);
  });

  /** An apply that must be refused while requests go on: its problem, once nothing else was seen of it. */
  async function refused(change: (text: string) => string, ...extra: string[]): Promise<Problem> {
    return refusedIn("haproxy.cfg.eta", change, ...extra);
  }

  async function refusedIn(
    template: string,
    change: (text: string) => string,
    ...extra: string[]
  ): Promise<Problem> {
    const before = await liveState(host);
    const load = startLoad(url, 4);
    const cwd = projectWith((text) => `${change(text)}\n`, template);
    const { code, document } = await lbctlJson<ApplyDocument & { error?: { problems: Problem[] } }>(
      ["apply", ...onLab, "--yes", ...extra.flatMap((each) => ["-e", each])],
      { cwd },
    );
    const { sent, failures } = await load.stop();
    const problems = document.hosts[0]?.error?.problems ?? [];
    expect(problems.map(({ what }) => what).join("\n")).not.toBe("");
    expect(code).toBe(5);
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(50);
    expect(await liveState(host)).toBe(before);
    expect((await inside(host, leftovers)).stdout.trim()).toBe("none");
    return problems[0] ?? { what: "" };
  }

  const replace = (from: string | RegExp, to: string) => (text: string) => text.replace(from, to);

  const rows = [
    {
      name: "a chroot directory that is missing",
      change: replace("chroot /var/lib/haproxy", "chroot /nowhere"),
      step: "dry-boot",
      line: /^ {2}chroot \/nowhere$/m,
    },
    {
      name: "a directory of the stats socket that is missing",
      change: replace("/run/haproxy/admin.sock", "/nowhere/admin.sock"),
      step: "dry-boot",
      line: /^ {2}stats socket \/nowhere\/admin\.sock/m,
    },
    {
      name: "more connections than the limits allow",
      change: replace(/$/, ""),
      extra: ["haproxy_maxconn=1000000"],
      step: "dry-boot",
      line: /^ {2}maxconn 1000000$/m,
      variable: "haproxy_maxconn",
    },
    {
      name: "a user that is missing",
      change: replace("user haproxy", "user nobody-here"),
      step: "haproxy-check",
      line: /^ {2}user nobody-here$/m,
    },
    {
      name: "an address that is not on this host",
      own: true,
      change: replace(/$/, ""),
      extra: ["haproxy_stats_address=192.0.2.77"],
      step: "bind-preflight",
      line: /^ {2}bind 192\.0\.2\.77:9100$/m,
      variable: "haproxy_stats_address",
    },
    {
      name: "a declared address while the kernel binds none but its own",
      own: true,
      change: replace(/$/, ""),
      extra: ["haproxy_stats_address=192.0.2.77", '{"haproxy_foreign_addresses": ["192.0.2.77"]}'],
      step: "bind-preflight",
      line: /^ {2}bind 192\.0\.2\.77:9100$/m,
      variable: "haproxy_stats_address",
    },
    {
      name: "two frontends on one address",
      own: true,
      change: (text: string) =>
        `${text}\nlisten again\n    bind 0.0.0.0:<%= it.haproxy_listen_http %>\n    stats enable`,
      step: "listeners",
      line: /^ {2}bind 0\.0\.0\.0:80$/m,
      variable: "haproxy_listen_http",
    },
    {
      name: "a file that was cut at the end of a line",
      change: (text: string) => text.slice(0, text.indexOf("frontend web")),
      step: "listeners",
      line: /refuses line \d+ of haproxy\.cfg: the file ends here/,
      variable: "haproxy_listen_http",
    },
    {
      name: "a file that is empty but for the line that names it",
      own: true,
      change: () => "global\n    description <%= it.identity %>",
      step: "listeners",
      line: /^ {2}description lbctl:/m,
      variable: "haproxy_listen_http",
    },
  ];

  const placeless = [
    {
      name: "a default_backend",
      change: replace("default_backend api_pool", "default_backend lost"),
      line: "default_backend lost",
    },
    {
      name: "resolvers",
      change: (text: string) => `${text}\nbackend more\n    server one 127.0.0.1:81 resolvers lost`,
      line: "server one 127.0.0.1:81 resolvers lost",
    },
    {
      name: "a server of use-server",
      change: (text: string) =>
        `${text}\nbackend more\n    use-server lost if TRUE\n    server one 127.0.0.1:81`,
      line: "use-server lost if TRUE",
    },
  ];

  test.each(placeless)(
    "$name that is not there is refused with its line, though HAProxy names none",
    async (row) => {
      const problem = await refused(row.change);
      expect(problem.step).toBe("haproxy-check");
      expect(problem.what).toContain(`\n  ${row.line}\n`);
      expect(problem.rendered).toMatch(/^haproxy\.cfg:\d+$/);
      expect(problem.from).toEqual([expect.stringMatching(/templates\/haproxy\/haproxy\.cfg\.eta:\d+$/)]);
    },
  );

  test("a list that is read by its live path is checked once it is there, and taken back", async () => {
    const cwd = projectWith((text) => text.replace("-f lists/", "-f /etc/haproxy/lists/"));
    expect((await lbctl(["apply", ...onLab, "--yes"], { cwd })).code).toBe(0);
    const before = await liveState(host);
    appendFileSync(join(cwd, "templates/haproxy/trusted_ips.list.eta"), "10.0.0.300\n");
    const { code, stderr } = await lbctl(["apply", ...onLab, "--yes"], { cwd });
    expect(stderr).toContain("'10.0.0.300' is not a valid IPv4 or IPv6 address");
    expect(code).toBe(5);
    expect(await liveState(host)).toBe(before);
    expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
  });

  test.each([
    { file: "lists/trusted_ips.list", line: "10.0.0.300" },
    { file: "maps/trusted_ips.map", line: "10.0.0.300 trusted" },
  ])("a broken line of $file is refused with its own template", async ({ file, line }) => {
    const template = `${file.split("/")[1] ?? ""}.eta`;
    const problem = await refusedIn(template, (text) => text + line);
    expect(problem.step).toBe("haproxy-check");
    expect(problem.rendered).toBe(`${file}:2`);
    expect(problem.what).toContain(`\n  ${line}\n`);
    expect(problem.what).toMatch(/\nline \d+ of haproxy\.cfg reads it: acl trusted_peer src/);
    expect(problem.from).toEqual([expect.stringMatching(new RegExp(`/templates/haproxy/${template}:5$`))]);
  });

  test.each(refusedSets)("what this HAProxy says of the set %s is what is known of it", async (name) => {
    const { folder, alerts } = refusedSet(name);
    const tar = await run("sh", ["-c", `tar -C '${folder}' -cf - . | base64 -w0`]);
    const said = await inside(
      host,
      `rm -rf /staged; mkdir /staged; echo ${tar.stdout} | base64 -d | tar -xf - -C /staged; haproxy -c -f /staged/haproxy.cfg 2>&1; rm -r /staged`,
    );
    const plain = (text: string) => plainAlerts(text).split("\n").sort();
    expect(plain(said.stdout)).toEqual(plain(alerts(release)));
  });

  test.each(rows.filter(({ own }) => !(isSecond && own)))(
    "$name is refused by its step, which names rendered line, template and variable",
    async (row) => {
      const problem = await refused(row.change, ...(row.extra ?? []));
      expect(problem.what).toMatch(row.line);
      expect(problem.step).toBe(row.step);
      expect(problem.rendered).toMatch(/^haproxy\.cfg:\d+$/);
      expect(problem.from?.join("\n")).toMatch(/templates\/haproxy\/haproxy\.cfg\.eta:\d+$/m);
      if (row.variable !== undefined) expect(problem.what).toContain(`${row.variable} is set in `);
    },
  );

  once(
    "a port that another program has is refused by the bind preflight, which names the program",
    async () => {
      await output(
        host,
        `systemd-run -q --unit=squatter perl -e 'use IO::Socket; my $s = IO::Socket::INET->new(LocalAddr => "0.0.0.0:9200", Listen => 5, ReuseAddr => 1) or die; sleep'; sleep 0.5`,
      );
      const problem = await refused(replace(/$/, ""), "haproxy_stats_port=9200");
      await output(host, "systemctl stop squatter");
      expect(problem.step).toBe("bind-preflight");
      expect(problem.what).toMatch(/taken: perl \(process \d+\) listens there/);
      expect(problem.what).toContain("haproxy_stats_port is set in ");
    },
  );

  once("an empty template is refused before anything is asked of the host", async () => {
    const before = await liveState(host);
    const cwd = projectWith(() => "");
    expect((await lbctl(["apply", ...onLab, "--yes"], { cwd })).code).toBe(3);
    expect(await liveState(host)).toBe(before);
  });

  once("a declared address that the kernel may bind is taken, and given back", async () => {
    await output(host, "sysctl -qw net.ipv4.ip_nonlocal_bind=1");
    const moved = await lbctl([
      ...["apply", ...onLab, "--yes", "-e", "haproxy_stats_address=192.0.2.77"],
      ...["-e", '{"haproxy_foreign_addresses": ["192.0.2.77"]}'],
    ]);
    expect(moved.stderr).not.toContain("error:");
    expect(moved.code).toBe(0);
    // the running worker holds it: nothing is asked of an address that need not be bound anew
    await output(host, "sysctl -qw net.ipv4.ip_nonlocal_bind=0");
    const again = await lbctl([
      ...["apply", ...onLab, "--yes", "-e", "haproxy_stats_address=192.0.2.77", "-e", "haproxy_retries=2"],
      ...["-e", '{"haproxy_foreign_addresses": ["192.0.2.77"]}'],
    ]);
    expect(again.code).toBe(0);
    expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
  });

  test("the service's own flags and environment are those of the check", async () => {
    await output(host, `echo 'EXTRAOPTS="-S /run/haproxy-master.sock -C /nowhere"' > /etc/default/haproxy`);
    const problem = await refused(replace(/$/, ""), "haproxy_retries=4");
    await output(host, "echo 'WHERE=127.0.0.1' > /etc/default/haproxy; systemctl restart haproxy");
    expect(problem.step).toBe("haproxy-check");
    expect(problem.what).toContain("/nowhere");
    const cwd = projectWith((text) => `${text}    bind "\${WHERE}:9201"\n`);
    const result = await lbctl(["apply", ...onLab, "--yes"], { cwd });
    expect(result.stderr).not.toContain("error:");
    expect(result.code).toBe(0);
    expect(await output(host, "ss -Htln 'sport = :9201' | wc -l")).toBe("1");
    await output(host, "rm /etc/default/haproxy");
    expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
  });

  test("the dry boot knows names that the host resolves, and leaves out what needs an interface", async () => {
    await output(host, "echo 127.0.0.1 backend.test >> /etc/hosts");
    const more = "    bind :9202 interface eth0\n\nbackend named\n    server a backend.test:81\n";
    const cwd = projectWith((text) => `${text}${more}`);
    const result = await lbctl(["apply", ...onLab, "--yes"], { cwd });
    expect(result.stderr).not.toMatch(/error:|left out/);
    expect(result.code).toBe(0);
    const problem = await refused((text) => `${text}${more.replace("eth0", "eth7")}`);
    expect(problem.what).toContain("this host has no interface eth7");
    expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
  });

  once("where namespaces are not allowed, the dry boot is left out with a note", async () => {
    const result = await withoutDryBoot(host, () =>
      lbctl(["apply", ...onLab, "--yes", "-e", "haproxy_retries=5"]),
    );
    expect(result.code).toBe(0);
    expect(result.stderr).toContain("the dry boot is left out");
  });

  once("a link that is cut during the dry boot leaves nothing behind", async () => {
    const before = await liveState(host);
    // a worker that never comes so far: its socket is asked in vain
    await output(
      host,
      "printf '#!/bin/sh\\nsleep 600\\n' > /usr/local/bin/slow; chmod 755 /usr/local/bin/slow",
    );
    await output(host, "mv /usr/bin/mount /usr/bin/mount.away; cp /usr/local/bin/slow /usr/bin/mount");
    await lbctl(["apply", ...onLab, "--yes", "-e", "haproxy_retries=6"], {
      started: (child) => setTimeout(() => child.kill("SIGKILL"), 2500),
    });
    await output(host, "rm /usr/bin/mount; mv /usr/bin/mount.away /usr/bin/mount");
    await expect
      .poll(async () => (await inside(host, "pgrep -f '[u]nshare -n|[s]leep 600'")).stdout, {
        timeout: 40_000,
      })
      .toBe("");
    expect(await liveState(host)).toBe(before);
    expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
  });

  afterAll(async () => {
    expect((await get(url)).status).toBe(200);
  });
});
