import type { ChildProcess } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { openWebSocket } from "../support/http.ts";
import { addressOf, freshLab, incus, inventory, output } from "../support/lab.ts";
import { lbctl, lbctlJson, type JsonRun } from "../support/lbctl.ts";
import { releases } from "../support/releases.ts";

interface Latency {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly max: number | null;
}

interface DrillDocument {
  readonly format_version: number;
  readonly verdict: string;
  readonly reasons: string[];
  readonly requests: { sent: number; ok: number; failed: number; retried: number };
  readonly time_to_detect_ms: number | null;
  readonly detect_bound_ms: number;
  readonly time_to_recover_ms: number | null;
  readonly latency_ms: { before: Latency; during: Latency; after: Latency };
}

interface StatusDocument {
  readonly health: string;
  readonly hosts: { pools: { name: string; servers: { name: string; status: string }[] }[] }[];
}

const onLab = ["-i", inventory];

async function health(): Promise<string> {
  return (await lbctlJson<StatusDocument>(["status", ...onLab])).document.health;
}

/** A machine too busy to send in time proves nothing, and says so; such a run is made again. */
async function drill(...args: string[]): Promise<JsonRun<DrillDocument>> {
  const words = ["drill", "failover", ...onLab, "--yes", ...args];
  let result = await lbctlJson<DrillDocument>(words);
  for (
    let again = 0;
    again < 2 && result.document.reasons.some((why) => why.includes("bottleneck"));
    again += 1
  ) {
    await settle();
    result = await lbctlJson<DrillDocument>(words);
  }
  return result;
}

/** Waits until every server is up again. */
async function settle(): Promise<void> {
  const deadline = Date.now() + 40_000;
  while ((await health()) !== "ok") {
    if (Date.now() > deadline) throw new Error("the lab did not become healthy again");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Is the instance running? The drill's promise is that it always is, in the end. */
async function state(name: string): Promise<string> {
  return (await incus("list", `^${name}$`, "-f", "csv", "-c", "s")).stdout.trim();
}

describe.each(releases)("HAProxy %s", (release) => {
  beforeAll(async () => {
    await freshLab(release);
    expect((await lbctl(["apply", ...onLab, "--yes"])).code).toBe(0);
    await settle();
  });

  afterEach(async () => {
    await settle();
  });

  test.each(release === "2.6" ? ["api_pool", "stream_pool"] : ["api_pool"])(
    "a failover of %s passes: no request fails, in time",
    async (pool) => {
      let { code, document, stderr } = await drill("--pool", pool);
      if (document.verdict === "inconclusive") {
        await settle();
        ({ code, document, stderr } = await drill("--pool", pool));
      }
      expect(document).toMatchObject({ format_version: 1, verdict: "pass", requests: { failed: 0 } });
      expect(code).toBe(0);
      // nothing but the question's answer and what happened
      expect(stderr).not.toMatch(/^!/m);
      expect(document.requests.sent).toBeGreaterThan(500);
      expect(document.requests.ok).toBe(document.requests.sent);
      expect(document.time_to_detect_ms).toBeGreaterThan(0);
      expect(document.time_to_detect_ms).toBeLessThanOrEqual(document.detect_bound_ms);
      expect(document.time_to_recover_ms).toBeGreaterThan(0);
      for (const phase of [
        document.latency_ms.before,
        document.latency_ms.during,
        document.latency_ms.after,
      ]) {
        expect(phase.p50).toBeGreaterThan(0);
        expect(phase.max).toBeGreaterThanOrEqual(phase.p95 ?? Infinity);
      }
    },
  );
});

// What follows asks nothing of HAProxy that differs by release.

test("status sees a dead backend: degraded, exit 10", async () => {
  await incus("stop", "--force", "backend-api-2");
  await expect.poll(health, { timeout: 30_000, interval: 500 }).toBe("degraded");
  const { code, document } = await lbctlJson<StatusDocument>(["status", ...onLab]);
  expect(code).toBe(10);
  const api = document.hosts[0]?.pools.find(({ name }) => name === "api_pool");
  expect(api?.servers.find(({ name }) => name === "backend-api-2")?.status).toContain("DOWN");
  const table = (await lbctl(["status", ...onLab])).stdout;
  expect(Math.max(...table.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);

  const refused = await lbctl(["drill", "failover", ...onLab, "--yes", "--server", "backend-api-1"]);
  expect(refused.stderr).toMatch(/last/);
  expect(refused.code).toBe(5);
  expect(await state("backend-api-1")).toBe("RUNNING");
  await incus("start", "backend-api-2");
  await settle();
});

test("when its server dies, a WebSocket is closed within the bound, to connect again", async () => {
  const url = `http://${addressOf("lb-1")}`;
  const socket = await openWebSocket(`${url}/ws`);
  const started = performance.now();
  const closed = socket.closed.then(() => performance.now() - started);
  // Frozen, it neither answers nor closes: only HAProxy can tell the client, at 1000 + 3 x 2000 + 2 x 300 ms.
  await incus("pause", socket.first);
  expect(await closed).toBeLessThan(9000);
  const again = await openWebSocket(`${url}/ws`);
  expect(again.first).not.toBe(socket.first);
  again.close();
  await incus("resume", socket.first);
  await settle();
});

describe("whatever happens, the victim comes back", () => {
  type Then = (child: ChildProcess) => Promise<unknown>;

  /** Once the victim is seen DOWN, and once it was told to start again. */
  async function drillUntilDown(whenDown: Then, whenRevived?: Then) {
    return lbctl(["drill", "failover", ...onLab, "--yes"], {
      started: (child) => {
        let text = "";
        const reads = (word: string, before: string): boolean =>
          !before.includes(word) && text.includes(word);
        child.stderr?.on("data", (chunk: Buffer) => {
          const before = text;
          text += chunk.toString();
          if (reads("marked", before)) void whenDown(child);
          if (reads("is starting", before)) void whenRevived?.(child);
        });
      },
    });
  }

  test("when the terminal or pipe that reads its output is gone", async () => {
    const result = await drillUntilDown((child) => {
      child.stdout?.destroy();
      child.stderr?.destroy();
      return Promise.resolve();
    });
    expect(result.code).not.toBeNull();
    expect(await state("backend-api-1")).toBe("RUNNING");
    await settle();
  });

  test("on a second Ctrl-C, which is answered with what is under way", async () => {
    const result = await drillUntilDown(async (child) => {
      child.kill("SIGINT");
      await new Promise((resolve) => setTimeout(resolve, 50));
      child.kill("SIGINT");
    });
    expect(result.code).toBe(130);
    expect(await state("backend-api-1")).toBe("RUNNING");
    await settle();
  });

  test("on a signal", async () => {
    const result = await drillUntilDown((child) => {
      child.kill("SIGHUP");
      return Promise.resolve();
    });
    expect(result.code).toBe(130);
    expect(await state("backend-api-1")).toBe("RUNNING");
    await settle();
  });

  test("when the load balancer goes away in between", async () => {
    // back as soon as the victim is: how long a drill waits for one that stays away is not the point
    let gone: Promise<unknown> = Promise.resolve();
    const result = await drillUntilDown(
      () => (gone = incus("stop", "--force", "lb-1")),
      () => gone.then(() => incus("start", "lb-1")),
    );
    expect(result.code).not.toBe(0);
    expect(await state("backend-api-1")).toBe("RUNNING");
    await expect
      .poll(() => output("lb-1", "systemctl is-active ssh haproxy"), { timeout: 20_000 })
      .toBe("active\nactive");
    await settle();
  });
});

describe("other ways to kill a backend", () => {
  test("a systemd unit on the backend, over SSH", async () => {
    const vars = "lbctl_drill_fault=systemd lbctl_drill_unit=demo-backend.service";
    const { document } = await drill("-e", vars);
    expect(document).toMatchObject({ verdict: "pass", requests: { failed: 0 } });
    await settle();
  });

  test("the operator's own commands, run without a shell", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lbctl-drill-"));
    const incusWords = process.getuid?.() === 0 ? ["incus"] : ["sudo", "-n", "incus"];
    const vars = {
      lbctl_drill_fault: "commands",
      lbctl_drill_kill_command: [...incusWords, "pause", "--project", "lbctl-lab", "backend-api-1"],
      lbctl_drill_revive_command: [...incusWords, "resume", "--project", "lbctl-lab", "backend-api-1"],
    };
    const file = join(folder, "vars.json");
    writeFileSync(file, JSON.stringify(vars));
    const { document } = await drill("-e", `@${file}`);
    expect(document.requests.sent).toBeGreaterThan(500);
    expect(document.time_to_recover_ms).toBeGreaterThan(0);
    expect(await state("backend-api-1")).toBe("RUNNING");
    await settle();
  });
});
