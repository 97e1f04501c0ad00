import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { get, openWebSocket, startLoad } from "../support/http.ts";
import {
  addressOf,
  freshLab,
  inside,
  inventory,
  liveState,
  output,
  runtime,
  withoutDryBoot,
} from "../support/lab.ts";
import { goldens, goldenSet } from "../support/goldens.ts";
import { lbctl, lbctlJson, root, run } from "../support/lbctl.ts";
import { projectWith } from "../support/project.ts";
import { releases } from "../support/releases.ts";

interface PlanDocument {
  readonly format_version: number;
  readonly changes: boolean;
  readonly hosts: {
    name: string;
    changes: boolean;
    files: { path: string; diff: string }[];
    activate: unknown;
  }[];
}

interface ApplyDocument {
  readonly format_version: number;
  readonly hosts: { name: string; outcome: string; error: { code: string } | null }[];
}

const onLab = ["-i", inventory];

describe.each(releases)("HAProxy %s", (release) => {
  // On 3.0 only what asks HAProxy or its unit for something.
  const once = test.skipIf(release === "3.0");
  let url = "";

  beforeAll(async () => {
    await freshLab(release);
    url = `http://${addressOf("lb-1")}`;
  });

  test("an empty host has no haproxy, socat, python3 or curl, and its plan says install", async () => {
    expect((await inside("lb-1", "command -v haproxy socat python3 curl")).stdout).toBe("");
    const { code, document } = await lbctlJson<PlanDocument>(["plan", ...onLab, "--detailed-exitcode"]);
    expect(code).toBe(2);
    expect(document).toMatchObject({
      format_version: 1,
      changes: true,
      hosts: [{ name: "lb-1", changes: true }],
    });
    expect((await inside("lb-1", "command -v haproxy")).stdout).toBe("");
  });

  once("without a terminal a change needs --yes", async () => {
    const result = await lbctl(["apply", ...onLab]);
    expect(result.code).toBe(3);
    expect(result.stderr).toContain("--yes");
    expect((await inside("lb-1", "command -v haproxy")).stdout).toBe("");
  });

  test("the first apply installs HAProxy, and requests are answered by the backends", async () => {
    const { code, document, stderr } = await lbctlJson<ApplyDocument>(["apply", ...onLab, "--yes"]);
    expect(stderr).not.toContain("error:");
    expect(document).toMatchObject({
      format_version: 1,
      hosts: [{ name: "lb-1", outcome: "changed", why: null, error: null }],
    });
    expect(code).toBe(0);
    expect(await output("lb-1", "haproxy -v")).toContain(`version ${release}`);
    await expect.poll(async () => (await get(`${url}/`)).status, { timeout: 10_000 }).toBe(200);
    const servers = new Set(
      (await Promise.all(Array.from({ length: 8 }, () => get(`${url}/`)))).map((r) => r.server),
    );
    expect([...servers].sort()).toEqual(["backend-api-1", "backend-api-2"]);
  });

  test("the live files are links into generation 1, and what the package shipped is generation 0", async () => {
    expect(await output("lb-1", "readlink -f /etc/haproxy/haproxy.cfg")).toBe(
      "/var/lib/lbctl/haproxy/generations/1/haproxy.cfg",
    );
    expect(
      await output("lb-1", "cat /etc/haproxy/lists/trusted_ips.list /etc/haproxy/maps/trusted_ips.map"),
    ).toMatch(/^#/);
    expect(await output("lb-1", "cat /var/lib/lbctl/haproxy/generations/0/haproxy.cfg")).toContain(
      "errorfile 503",
    );
    expect(await output("lb-1", "dpkg --verify haproxy; ls /etc/haproxy/errors | head -1")).toContain("http");
  });

  test.each(goldens)("the golden files of %s pass this HAProxy's own check", async (name) => {
    const pem = readFileSync(join(root, "tests/fixtures/tls/a.pem"), "utf8");
    const tar = await run("sh", ["-c", `tar -C '${goldenSet(name)}' -cf - . | base64 -w0`]);
    await output(
      "lb-1",
      `rm -rf /tmp/golden; mkdir /tmp/golden; echo ${tar.stdout} | base64 -d | tar -xf - -C /tmp/golden`,
    );
    await output("lb-1", `cat > /etc/lbctl-test.pem <<'PEM'\n${pem}PEM`);
    // a system that trusts somebody: the image has no ca-certificates
    await output("lb-1", "mkdir -p /usr/lib/ssl/certs; cp /etc/lbctl-test.pem /usr/lib/ssl/certs");
    const check = await inside(
      "lb-1",
      "haproxy -c -f /tmp/golden/haproxy.cfg 2>&1; s=$?; rm /etc/lbctl-test.pem /usr/lib/ssl/certs/lbctl-test.pem; exit $s",
    );
    // Golden servers have names of example.net, which this host cannot look up.
    expect(check.stdout).not.toMatch(/ALERT|WARNING(?!.*could not resolve)/);
    expect(check.code).toBe(0);
  });

  test("a second apply is a no-op: one connection, one exec", async () => {
    await output("lb-1", "pkill -f '[s]shd.*: root' || true");
    const cursor = await output("lb-1", "journalctl -u ssh -n 1 --show-cursor | sed -n 's/^-- cursor: //p'");
    const { code, document } = await lbctlJson<ApplyDocument>(["apply", ...onLab, "--yes"]);
    expect(code).toBe(0);
    expect(document.hosts).toEqual([{ name: "lb-1", outcome: "unchanged", why: null, error: null }]);
    const log = await output("lb-1", `journalctl -u ssh -o cat --after-cursor '${cursor}'`);
    expect(log.match(/Accepted publickey/g)).toHaveLength(1);
    expect(log.match(/Starting session: /g)).toHaveLength(1);
    expect((await lbctlJson<PlanDocument>(["plan", ...onLab, "--detailed-exitcode"])).code).toBe(0);
  });

  once.each([
    ["haproxy_listen_http=eighty", "haproxy_listen_http"],
    ['{"haproxy_sticky_cookie_name": "x\\nlisten evil"}', "haproxy_sticky_cookie_name"],
    ['{"haproxy_api_health_path": "/h # off"}', "haproxy_api_health_path"],
    ['{"haproxy_tls_cert_path": "/etc/$HOME.pem"}', "haproxy_tls_cert_path"],
    ['{"haproxy_trusted_ips": ["10.0.0.0/8", "%[env(X)]"]}', "haproxy_trusted_ips"],
  ])("the broken variable %s is refused with exit 3, and nothing is touched", async (extra, name) => {
    const before = await liveState("lb-1");
    const result = await lbctl(["apply", ...onLab, "--yes", "-e", extra]);
    expect(result.code).toBe(3);
    expect(result.stderr).toContain(name);
    expect(await liveState("lb-1")).toBe(before);
  });

  once("a broken template is refused with exit 3, naming its line, and nothing is touched", async () => {
    const before = await liveState("lb-1");
    const cwd = projectWith((text) => text.replace("it.haproxy_maxconn", "it.haproxy_maxcon"));
    const result = await lbctl(["apply", ...onLab, "--yes"], { cwd });
    expect(result.code).toBe(3);
    expect(result.stderr).toMatch(/haproxy\.cfg\.eta:\d+: it\.haproxy_maxcon is not a variable/);
    expect(await liveState("lb-1")).toBe(before);
  });

  test("a candidate that HAProxy refuses exits 5, naming rendered line, template line and variable", async () => {
    const before = await liveState("lb-1");
    const cwd = projectWith((text) => text.replace("    timeout queue <%=", "    timeout quue <%="));
    const template = readFileSync(join(cwd, "templates/haproxy/haproxy.cfg.eta"), "utf8").split("\n");
    const line = template.findIndex((text) => text.includes("timeout quue <%=")) + 1;
    const result = await lbctl(["apply", ...onLab, "--yes"], { cwd });
    expect(result.code).toBe(5);
    expect(result.stderr).toMatch(/line \d+ of haproxy\.cfg: .*'timeout' does not support 'quue'|quue/);
    expect(result.stderr).toContain("timeout quue 5000ms");
    expect(result.stderr).toContain(`templates/haproxy/haproxy.cfg.eta:${String(line)}`);
    expect(result.stderr).toMatch(
      /haproxy_timeout_queue_ms is set in \S*roles\/haproxy\/defaults\/main\.yml:\d+/,
    );
    expect(await liveState("lb-1")).toBe(before);
  });

  test("a candidate that passes validation but does not load is rolled back, and the old set serves", async () => {
    const files = "readlink -f /etc/haproxy/haproxy.cfg; sha256sum /etc/haproxy/haproxy.cfg";
    const before = await output("lb-1", files);
    const cwd = projectWith((text) => text.replace("/run/haproxy/admin.sock", "/nowhere/admin.sock"));
    const { code, document } = await withoutDryBoot("lb-1", () =>
      lbctlJson<ApplyDocument>(["apply", ...onLab, "--yes"], { cwd }),
    );
    expect(document.hosts[0]).toMatchObject({ outcome: "rolled-back", error: { code: "rolled-back" } });
    expect(code).toBe(6);
    expect(await output("lb-1", files)).toBe(before);
    expect((await get(`${url}/`)).status).toBe(200);
    expect((await lbctlJson<PlanDocument>(["plan", ...onLab])).document.changes).toBe(false);
  });

  test("a candidate that takes the master down is rolled back, and the old set serves", async () => {
    const cwd = projectWith((text) => text.replace("chroot /var/lib/haproxy", "chroot /nowhere"));
    const { code, document } = await withoutDryBoot("lb-1", () =>
      lbctlJson<ApplyDocument>(["apply", ...onLab, "--yes"], { cwd }),
    );
    expect(document.hosts[0]?.outcome).toBe("rolled-back");
    expect(code).toBe(6);
    expect((await get(`${url}/`)).status).toBe(200);
    expect((await lbctlJson<PlanDocument>(["plan", ...onLab])).document.changes).toBe(false);
  });

  test("ten changes under load, each a reload: no request fails", async () => {
    const load = startLoad(`${url}/`, 8);
    const workers = new Set<string>();
    for (let round = 0; round < 10; round += 1) {
      const extra = `{"haproxy_timeout_queue_ms": ${String(6000 + round)}}`;
      const result = await lbctl(["apply", ...onLab, "--yes", "-e", extra]);
      expect(result.stderr).not.toContain("error:");
      expect(result.code).toBe(0);
      workers.add(await output("lb-1", "pgrep -n -x haproxy"));
    }
    const { sent, failures } = await load.stop();
    expect(workers.size).toBe(10);
    expect(sent).toBeGreaterThan(1000);
    expect(failures).toEqual([]);
    expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
  });

  test("a reload keeps drains, weights and who is down", async () => {
    const change = (setting: string) => lbctl(["apply", ...onLab, "--yes", "-e", setting]);
    /** Words of `show stat` by server: status and weight. */
    const servers = async () => {
      const rows = (await runtime("lb-1", "show stat -1 4 -1")).split("\n").map((row) => row.split(","));
      return new Map(
        rows.map((row) => [`${row[0] ?? ""}/${row[1] ?? ""}`, `${row[17] ?? ""} ${row[18] ?? ""}`]),
      );
    };
    await runtime("lb-1", "set server api_pool/backend-api-1 state drain");
    await runtime("lb-1", "set weight api_pool/backend-api-2 4");
    await output("stream-server-2", "systemctl stop demo-backend");
    await vi.waitFor(
      async () => {
        expect((await servers()).get("stream_pool/stream-server-2")).toMatch(/^DOWN /);
      },
      { timeout: 30_000, interval: 500 },
    );
    expect((await change("haproxy_timeout_queue_ms=6100")).code).toBe(0);
    const after = await servers();
    expect(after.get("api_pool/backend-api-1")).toMatch(/^DRAIN/);
    expect(after.get("api_pool/backend-api-2")).toBe("UP 4");
    expect(after.get("stream_pool/stream-server-2")).toMatch(/^DOWN /);
    expect(after.get("stream_pool/stream-server-1")).toMatch(/^UP /);
    const file = "cat /var/lib/lbctl/haproxy/state/servers";
    expect(await output("lb-1", file)).toBe("1");

    await output("stream-server-2", "systemctl start demo-backend");
    // Another check makes what was known of the servers void, but not that one was drained.
    expect((await change("haproxy_health_check_fall=4")).code).toBe(0);
    const changed = await servers();
    expect(changed.get("api_pool/backend-api-1")).toMatch(/^DRAIN/);
    expect(changed.get("stream_pool/stream-server-2")).toMatch(/^(UP|no check)/);
    expect(await output("lb-1", file)).toBe("1");
    await runtime("lb-1", "set server api_pool/backend-api-1 state ready");
    expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
  });

  test("the newest ten generations are kept, and generation 0: what stood there before lbctl", async () => {
    const kept = (await output("lb-1", "ls /var/lib/lbctl/haproxy/generations")).split("\n");
    expect(kept).toHaveLength(11);
    expect(kept).toContain("0");
    expect(kept).not.toContain("1");
  });

  test("a client with the cookie stays on its server, WebSockets too", async () => {
    const first = await get(`${url}/`);
    const cookie = String(first.headers["set-cookie"]?.[0]);
    expect(cookie).toMatch(/^VEZA_SERVERID=backend-api-\d; path=\/; HttpOnly$/i);
    const pinned = { cookie: cookie.split(";")[0] ?? "" };
    for (let n = 0; n < 6; n += 1) expect((await get(`${url}/`, pinned)).server).toBe(first.server);
    const socket = await openWebSocket(`${url}/ws`, pinned);
    expect(socket.first).toBe(first.server);
    expect(await socket.echo("hello")).toBe("hello");
    socket.close();
  });

  test("stream URIs are hashed: each stays on its server, and both servers have some", async () => {
    const paths = Array.from({ length: 40 }, (_, n) => `/stream/${String(n)}.m3u8`);
    const ask = () => Promise.all(paths.map(async (path) => (await get(`${url}${path}`)).server));
    const first = await ask();
    expect(await ask()).toEqual(first);
    expect([...new Set(first)].sort()).toEqual(["stream-server-1", "stream-server-2"]);
  });

  test("what is said of a client is believed only from a trusted peer", async () => {
    const names =
      "forwarded x-forwarded-for x-forwarded-host x-forwarded-port x_forwarded_prefix x-real-ip x-client-ip true-client-ip cf-connecting-ip cf-connecting-ipv6".split(
        " ",
      );
    const forged = Object.fromEntries([...names, "x-other"].map((name) => [name, "203.0.113.7"]));
    const seen = async () => {
      const { headers } = JSON.parse((await get(`${url}/`, forged)).body) as {
        headers: Record<string, string>;
      };
      return Object.keys(headers).filter((name) => headers[name]?.includes("203.0.113.7"));
    };
    expect(await seen()).toEqual(["x-other"]);
    const named = { connection: "close, x-forwarded-for, x-forwarded-proto" };
    expect((await get(`${url}/`, named)).body.toLowerCase()).not.toContain("close, x-forwarded-for");
    const subnet = `${addressOf("lb-1").split(".").slice(0, 3).join(".")}.0/24`;
    const trust = await lbctl(["apply", ...onLab, "--yes", "-e", `{"haproxy_trusted_ips": ["${subnet}"]}`]);
    expect(trust.code).toBe(0);
    expect((await seen()).sort()).toEqual([...names, "x-other"].sort());
    expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
    expect(await seen()).toEqual(["x-other"]);
  });

  test("a certificate on the host opens HTTPS, and a renewed one plans a reload", async () => {
    const pem = (name: string) => readFileSync(join(root, `tests/fixtures/tls/${name}.pem`), "utf8");
    const put = (name: string) =>
      output("lb-1", `umask 077; cat > /etc/lbctl-test.pem <<'PEM'\n${pem(name)}PEM`);
    const tls = [...onLab, "-e", "haproxy_tls_cert_path=/etc/lbctl-test.pem"];
    const missing = await lbctl(["plan", ...tls]);
    expect(missing.code).toBe(5);
    expect(missing.stderr).toContain("haproxy_tls_cert_path");
    await put("a");
    expect((await lbctl(["apply", ...tls, "--yes"])).code).toBe(0);
    expect(await output("lb-1", "ss -Htln 'sport = :443' | wc -l")).toBe("1");
    expect((await lbctlJson<PlanDocument>(["plan", ...tls])).document.changes).toBe(false);
    await put("b");
    const renewed = await lbctlJson<PlanDocument>(["plan", ...tls]);
    expect(renewed.document.hosts[0]?.activate).toMatchObject({ how: "reload" });
    expect((await lbctl(["apply", ...tls, "--yes"])).code).toBe(0);
    expect((await lbctlJson<PlanDocument>(["plan", ...tls])).document.changes).toBe(false);
    expect(await output("lb-1", "find /var/lib/lbctl /etc/haproxy/certs/ -name '*.pem' | wc -l")).toBe("0");
    expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
  });

  test("a link replaced by a file is seen and mended", async () => {
    await output(
      "lb-1",
      "sed -i 's/retries 3/retries 9/' /etc/haproxy/haproxy.cfg; test ! -L /etc/haproxy/haproxy.cfg",
    );
    const refused = await lbctl(["apply", ...onLab, "--yes"]);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("--force");
    const plan = await lbctl(["plan", ...onLab]);
    expect(plan.stdout).toContain("-    retries 9");
    expect((await lbctl(["apply", ...onLab, "--yes", "--adopt"])).code).toBe(0);
    expect(await output("lb-1", "readlink /etc/haproxy/haproxy.cfg")).toBe(
      "/var/lib/lbctl/haproxy/current/haproxy.cfg",
    );
    expect(
      await output("lb-1", "cat $(ls -td /var/lib/lbctl/haproxy/replaced/* | head -n 1)/haproxy.cfg"),
    ).toContain("retries 9");
  });

  test("a stopped service is started", async () => {
    await output("lb-1", "systemctl stop haproxy");
    expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
    expect((await get(`${url}/`)).status).toBe(200);
  });
});
