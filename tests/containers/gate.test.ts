import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseStat, type Stats } from "../../src/haproxy/stat.ts";
import { get, startLoad } from "../support/http.ts";
import { addressOf, freshLab, inventory, output, runtime } from "../support/lab.ts";
import { lbctl, lbctlJson } from "../support/lbctl.ts";
import { releases } from "../support/releases.ts";

interface ApplyDocument {
  readonly hosts: {
    outcome: string;
    error: { code: string; problems: { what: string }[] } | null;
  }[];
}

// so rare that only the first check of a worker happens while a test runs
const rarely = ["haproxy_health_check_interval_ms=3600000", "haproxy_graceful_drain_seconds=3601"];

const stats = async (): Promise<Stats> => parseStat(await runtime("lb-1", "show stat"));

describe.each(releases)("HAProxy %s", (release) => {
  let url = "";

  /** Applies the lab's inventory, and others, with more settings. */
  async function apply(settings: readonly string[] = [], ...inventories: string[]) {
    const sources = [inventory, ...inventories].flatMap((source) => ["-i", source]);
    const extra = [...rarely, ...settings].flatMap((setting) => ["-e", setting]);
    const run = await lbctlJson<ApplyDocument>(["apply", ...sources, "--yes", ...extra]);
    const [host] = run.document.hosts;
    const why = host?.error?.problems.map(({ what }) => what).join("\n") ?? "";
    return { code: run.code, outcome: host?.outcome, why, stderr: run.stderr };
  }

  beforeAll(async () => {
    await freshLab(release);
    url = `http://${addressOf("lb-1")}/`;
    expect((await apply()).outcome).toBe("changed");
  });

  test("after an apply each server was checked, and each frontend was asked once", async () => {
    const { servers, frontends } = await stats();
    const checks = servers.filter(({ tracks }) => tracks === "").map(({ check }) => check.status);
    expect(checks).toEqual(["L7OK", "L7OK", "L7OK", "L7OK"]);
    expect(frontends.map(({ name, requests }) => [name, requests])).toEqual([
      ["web", 1],
      ["stats", 1],
    ]);
  });

  test("a health path that answers 404 is rolled back, and no request fails meanwhile", async () => {
    const load = startLoad(url, 4);
    const { code, outcome, why } = await apply([
      "haproxy_api_health_path=/_demo/nowhere",
      "haproxy_health_check_rise=3",
    ]);
    const { sent, failures } = await load.stop();
    expect({ code, outcome }).toEqual({ code: 6, outcome: "rolled-back" });
    expect(why).toMatch(
      /^health gate: api_pool\/backend-api-\d \([\d.]+:8080\) failed its check: L7STS 404 \(Not Found\)/,
    );
    expect(sent).toBeGreaterThan(20);
    expect(failures).toEqual([]);
    expect((await apply()).outcome).toBe("unchanged");
  });

  test("a port that nobody listens on is rolled back, with the words of the check", async () => {
    const { code, why } = await apply(["haproxy_backend_api_port=8099"]);
    expect(code).toBe(6);
    expect(why).toContain(":8099) failed its check: L4CON (Connection refused)");
    expect((await get(url)).status).toBe(200);
    expect(await output("lb-1", "tail -n 1 /var/lib/lbctl/haproxy/history")).toContain("failed its check");
  });

  test("without the gate such a port passes, for servers that are to come", async () => {
    const ungated = ["haproxy_backend_api_port=8099", '{"haproxy_health_gate": false}'];
    expect(await apply(ungated)).toMatchObject({ code: 0, outcome: "changed" });
    expect((await apply()).outcome).toBe("changed");
    expect((await get(url)).status).toBe(200);
  });

  test("a new server that fails among healthy ones is told, and the change stays", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lbctl-inventory-"));
    const hosts = { "backend-api-9": { ansible_host: addressOf("lb-1") } };
    writeFileSync(
      join(folder, "more.yml"),
      JSON.stringify({ all: { children: { backend_api_instances: { hosts } } } }),
    );
    const { code, stderr } = await apply([], join(folder, "more.yml"));
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /api_pool\/backend-api-9 \([\d.]+:8080\) failed its check: L4CON \(Connection refused\); it is new/,
    );
    expect((await apply()).outcome).toBe("changed");
  });

  describe("with a server that died unseen", () => {
    /** So that it stays unseen, however slow the machine is. */
    const seldom = "haproxy_health_check_interval_ms=60000";

    beforeAll(async () => {
      expect((await apply([seldom])).code).toBe(0);
      await output("backend-api-2", "systemctl stop demo-backend");
    });

    afterAll(async () => {
      await output("backend-api-2", "systemctl start demo-backend");
      expect((await lbctl(["status", "-i", inventory, "--wait", "30"])).code).toBe(0);
      expect((await apply()).code).toBe(0);
    });

    test("UP is not taken for a check of the new worker's own", async () => {
      const before = (await stats()).servers.find(({ name }) => name === "backend-api-2");
      expect(before?.status).toMatch(/^UP/);
      const { code, why } = await apply([seldom, "haproxy_health_check_timeout_ms=1900"]);
      expect(code).toBe(6);
      expect(why).toMatch(/^health gate: api_pool\/backend-api-2 .*L4CON \(Connection refused\)/);
    });

    test("a change of another pool judges its own servers alone", async () => {
      await output("backend-api-2", "systemctl start demo-backend");
      expect((await lbctl(["status", "-i", inventory, "--wait", "30"])).code).toBe(0);
      await output("backend-api-2", "systemctl stop demo-backend");
      const change = [seldom, "haproxy_stream_health_path=/api/v1/health"];
      expect(await apply(change)).toMatchObject({ code: 0, why: "" });
    });
  });

  test("without the admin socket's file, the servers are asked for through the master", async () => {
    await output("lb-1", "rm /run/haproxy/admin.sock");
    const { code, why } = await apply(["haproxy_stream_server_port=8099"]);
    await output("lb-1", "systemctl restart haproxy");
    expect(code).toBe(6);
    expect(why).toContain(":8099) failed its check: L4CON (Connection refused)");
  });
});
