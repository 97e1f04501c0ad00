import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DrillEvent } from "../../../src/drill/events.ts";
import type { FailoverDeps } from "../../../src/drill/drill.ts";
import { runFailoverDrill } from "../../../src/drill/failover.ts";
import type { FailoverScenario } from "../../../src/drill/scenario.ts";
import { LbctlError } from "../../../src/errors.ts";
import type { ProcessResult } from "../../../src/remote/process.ts";
import { scenario as base } from "../../support/drill.ts";
import { localRemote } from "../../support/local-remote.ts";
import { miniBalancer, miniServer, type MiniBalancer, type MiniServer } from "../../support/mini-balancer.ts";
import { present } from "../../support/present.ts";

const success: ProcessResult = { exitCode: 0, stdout: "", stderr: "", timedOut: false };
const refused: ProcessResult = { exitCode: 1, stdout: "", stderr: "no", timedOut: false };

describe("a failover drill against real sockets", () => {
  let folder: string;
  let servers: readonly MiniServer[];
  let balancer: MiniBalancer;
  let calls: string[];
  let events: DrillEvent[];

  const begin = async (retries: boolean): Promise<FailoverScenario> => {
    const socket = join(folder, "admin.sock");
    balancer = await miniBalancer({ servers, socket, retries });
    return {
      ...base,
      target: { ...base.target, port: balancer.port },
      checks: { intervalMs: 100, fastIntervalMs: 50, timeoutMs: 500, fall: 1, rise: 1 },
      rate: 50,
      beforeMs: 2300,
      downMs: 200,
      afterMs: 200,
      recoverLimitMs: 5000,
      // what is tested here is the procedure, on machines that may be busy
      lateAfterMs: 1000,
      socket,
    };
  };
  const victim = (): MiniServer => present(servers[1]);
  /** Runs the drill's own commands in this process. */
  const run: FailoverDeps["run"] = async (file) => {
    calls.push(file);
    if (file === "kill-it") await victim().stop();
    else await victim().start();
    return success;
  };
  const deps = (over: Partial<FailoverDeps> = {}): FailoverDeps => ({
    remote: localRemote,
    run,
    uid: 0,
    now: () => performance.now(),
    ...over,
  });
  const drill = async (scenario: FailoverScenario, over: Partial<FailoverDeps> = {}, signal?: AbortSignal) =>
    runFailoverDrill(
      scenario,
      deps(over),
      (event) => events.push(event),
      signal ?? new AbortController().signal,
    );

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "lbctl-drill-"));
    servers = await Promise.all([miniServer("web-1"), miniServer("web-2")]);
    calls = [];
    events = [];
  });
  afterEach(async () => {
    balancer.close();
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(folder, { recursive: true });
  });

  it("kills, sees it DOWN, revives, sees it UP, and loses nothing behind a balancer that retries", async () => {
    const { document } = await drill(await begin(true));
    expect(calls).toEqual(["kill-it", "revive-it"]);
    expect(document.requests).toMatchObject({ failed: 0, failed_by_kind: {} });
    expect(document.fault.measured_from).toBe("probe");
    expect(document.time_to_detect_ms).toBeLessThan(document.detect_bound_ms);
    expect(document.time_to_recover_ms).toBeGreaterThan(0);
    expect(document.answered_by.before["web-2"]).toBeGreaterThan(0);
    expect(events.map(({ kind }) => kind).filter((kind) => kind !== "progress")).toEqual([
      "steady",
      "load",
      "kill",
      "down",
      "revive",
      "revived",
      "up",
    ]);
  });

  it("counts what a balancer without retries loses", async () => {
    // so many that some are sure to fall between the kill and the balancer's next check
    const { document } = await drill({ ...(await begin(false)), rate: 500 });
    expect(document.requests.failed).toBeGreaterThan(0);
    expect(Object.keys(document.requests.failed_by_kind)).toEqual(["status 503"]);
    expect(document.reasons.join()).toContain("requests failed");
  });

  it("revives the victim when it is interrupted, and then says so", async () => {
    const scenario = await begin(true);
    const stop = new AbortController();
    const interrupted = runFailoverDrill(
      { ...scenario, downMs: 60_000 },
      deps(),
      ({ kind }) => {
        if (kind === "down") stop.abort();
      },
      stop.signal,
    );
    await expect(interrupted).rejects.toMatchObject({
      code: "interrupted",
      message: expect.stringContaining("web-2 was revived") as string,
    });
    expect(calls).toEqual(["kill-it", "revive-it"]);
  });

  it("kills nothing when it is interrupted before", async () => {
    const scenario = await begin(true);
    const stop = new AbortController();
    setTimeout(() => {
      stop.abort();
    }, 500);
    await expect(drill(scenario, {}, stop.signal)).rejects.toMatchObject({ code: "interrupted" });
    expect(calls).toEqual([]);
  });

  it("revives the victim when the kill command fails half-way", async () => {
    const broken: FailoverDeps["run"] = async (file, args) => {
      await run(file, args);
      return file === "kill-it" ? refused : success;
    };
    const { document } = await drill(await begin(true), { run: broken });
    expect(calls).toEqual(["kill-it", "revive-it"]);
    expect(document.verdict).toBe("inconclusive");
    expect(document.reasons).toEqual(["the fault could not be made: kill-it: exit 1: no"]);
  });

  it("revives the victim, without waiting long, when the load balancer dies with it", async () => {
    const scenario = await begin(true);
    const both: FailoverDeps["run"] = async (file, args) => {
      const result = await run(file, args);
      if (file === "kill-it") balancer.close();
      return result;
    };
    const { document } = await drill({ ...scenario, recoverLimitMs: 1000 }, { run: both });
    expect(calls).toEqual(["kill-it", "revive-it"]);
    expect(document.verdict).toBe("fail");
    expect(document.reasons.join("\n")).toMatch(/requests failed\n.*HAProxy does not answer/s);
    expect(events.filter(({ kind }) => kind === "trouble")).not.toEqual([]);
  });

  it("revives the victim when the link to the load balancer is lost", async () => {
    const scenario = await begin(true);
    let lost = false;
    const remote: FailoverDeps["remote"] = (host) => ({
      ...localRemote(host),
      run: async (request) => {
        if (lost) throw new LbctlError("unreachable", { what: "no route to host", at: host });
        const cut = new AbortController();
        const timer = setInterval(() => {
          if (calls.includes("kill-it")) {
            lost = true;
            cut.abort();
          }
        }, 10);
        const signals = [cut.signal, ...(request.signal ? [request.signal] : [])];
        return localRemote(host)
          .run({ ...request, signal: AbortSignal.any(signals) })
          .finally(() => {
            clearInterval(timer);
          });
      },
    });
    const { document } = await drill(scenario, { remote });
    expect(calls).toEqual(["kill-it", "revive-it"]);
    expect(document.verdict).toBe("inconclusive");
    expect(document.reasons.join("\n")).toContain(
      "the link to the load balancer was lost: lb-1: no route to host",
    );
  });

  it("refuses to kill the last healthy server", async () => {
    const scenario = await begin(true);
    await present(servers[0]).stop();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await expect(drill(scenario)).rejects.toMatchObject({ code: "rejected" });
    expect(calls).toEqual([]);
    await present(servers[0]).start();
  });

  it("kills nothing while another server of the pool is not UP", async () => {
    servers = [...servers, await miniServer("web-3")];
    const scenario = await begin(true);
    await servers[2]?.stop();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { document } = await drill(scenario);
    expect(document.verdict).toBe("inconclusive");
    expect(document.reasons).toEqual(["nothing was killed: lb-1: not UP in api_pool: web-3 (DOWN)"]);
    expect(calls).toEqual([]);
  });

  it("kills nothing when HAProxy does not answer", async () => {
    const scenario = await begin(true);
    const { document } = await drill({ ...scenario, socket: `${folder}/none.sock` });
    expect(document.reasons[0]).toContain("nothing was killed: lb-1: HAProxy does not answer");
    expect(calls).toEqual([]);
  });
});
