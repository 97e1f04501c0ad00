import { describe, expect, it } from "vitest";
import { latency, makeDrillDocument } from "../../../src/drill/document.ts";
import { drillCode } from "../../../src/drill/events.ts";
import { detectBound } from "../../../src/drill/scenario.ts";
import type { DrillRecord } from "../../../src/drill/timeline.ts";
import { judge, unsoundLoad } from "../../../src/drill/verdict.ts";
import { evidence, get, passedRecords, sample, scenario, server, step } from "../../support/drill.ts";

const without = (drop: (record: DrillRecord) => boolean): DrillRecord[] =>
  passedRecords.filter((record) => !drop(record));
const state = {
  host: "lb-1",
  pid: 7,
  servers: [server("web-1", "UP"), server("web-2", "UP")],
  problem: null,
  settling: false,
};

describe("the verdict of a drill", () => {
  it("is pass when nothing failed, it was seen in time and all is well again", () => {
    expect(judge(evidence())).toEqual({ verdict: "pass", reasons: [] });
  });

  it("is fail when a single request failed in any phase", () => {
    for (const at of [100, 4000, 12_000]) {
      const records = [...passedRecords, get(at, { failure: "status 503" })];
      expect(judge(evidence({ records }))).toEqual({
        verdict: "fail",
        reasons: ["1 of 1301 requests failed"],
      });
    }
  });

  it("is fail when HAProxy saw the fault later than its checks allow", () => {
    const records = [
      ...without(({ kind }) => kind === "sample"),
      sample(10, "UP"),
      sample(7900, "DOWN"),
      sample(9000, "UP"),
    ];
    expect(judge(evidence({ records })).reasons).toEqual(["detected after 4860 ms, later than 4800 ms"]);
  });

  it("is fail when HAProxy never marked the victim DOWN", () => {
    const records = without(
      (record) => record.kind === "sample" && record.servers[1]?.status.startsWith("DOWN") === true,
    );
    expect(judge(evidence({ records }))).toEqual({
      verdict: "fail",
      reasons: ["HAProxy did not mark web-2 DOWN"],
    });
  });

  it("is fail when the victim was not seen UP again, or too late", () => {
    const never = without((record) => record.kind === "sample" && record.atMs > 9500);
    expect(judge(evidence({ records: never })).reasons).toEqual(["web-2 was not seen UP again"]);
    const late = evidence({ scenario: { ...scenario, recoverLimitMs: 1500 } });
    expect(judge(late).reasons).toEqual(["web-2 was UP again only after 2000 ms"]);
  });

  it("is fail when the pool is not whole afterwards", () => {
    const steadyAfter = [{ ...state, problem: "not UP in api_pool: web-1 (DOWN)" }];
    expect(judge(evidence({ steadyAfter })).reasons).toEqual([
      "after the drill, lb-1: not UP in api_pool: web-1 (DOWN)",
    ]);
  });

  it("is inconclusive when the fault was not made", () => {
    expect(judge(evidence({ obstacle: "nothing was killed: …" }))).toEqual({
      verdict: "inconclusive",
      reasons: ["nothing was killed: …"],
    });
  });

  it("is inconclusive, even with failed requests, when more than 1% left late", () => {
    const late = Array.from({ length: 20 }, (_, n) => get(n, { sentMs: n + 11, failure: "timeout" }));
    const { verdict, reasons } = judge(evidence({ records: [...passedRecords, ...late] }));
    expect(verdict).toBe("inconclusive");
    expect(reasons[0]).toContain("1.5% of its requests left over 10 ms late; try --rate 50");
    expect(reasons[1]).toBe("20 of 1320 requests failed");
  });

  it("does not mind 1% of late requests", () => {
    const late = Array.from({ length: 13 }, (_, n) => get(n, { sentMs: n + 11 }));
    expect(judge(evidence({ records: [...passedRecords, ...late] })).verdict).toBe("pass");
  });

  it("is inconclusive when HAProxy was reloaded meanwhile", () => {
    const steadyAfter = [{ ...state, pid: 8 }];
    expect(judge(evidence({ steadyAfter })).reasons).toEqual([
      "HAProxy on lb-1 was reloaded or restarted during the drill",
    ]);
  });

  it("is inconclusive when the link was lost, but fail when requests failed besides", () => {
    const records: DrillRecord[] = [
      ...without((record) => record.kind === "sample" && record.atMs > 4500),
      { kind: "watch-lost", atMs: 4500, why: "gone" },
    ];
    expect(judge(evidence({ records })).verdict).toBe("inconclusive");
    expect(judge(evidence({ records: [...records, get(4600, { failure: "ECONNREFUSED" })] })).verdict).toBe(
      "fail",
    );
  });

  it("is inconclusive when the victim went on answering after the kill command", () => {
    const records: DrillRecord[] = [
      step("load-started", 0),
      sample(10, "UP"),
      step("kill-issued", 3000),
      step("kill-done", 3010),
      ...[2900, 5000, 7990].map((sentMs) => ({ kind: "probe" as const, sentMs, ok: true })),
      step("revive-issued", 8000),
      sample(9000, "UP"),
      ...Array.from({ length: 900 }, (_, n) => get(n * 10)),
      step("load-stopped", 9000),
    ];
    const { verdict, reasons } = judge(evidence({ records }));
    expect([verdict, ...reasons]).toEqual([
      "inconclusive",
      "web-2 went on answering after the kill command: kill-it",
    ]);
  });

  it("is inconclusive when something else brought the victim back", () => {
    const at = passedRecords.findIndex((record) => record.kind === "step" && record.step === "revive-issued");
    const records = passedRecords.toSpliced(at, 0, sample(7000, "UP"));
    expect(judge(evidence({ records })).reasons).toEqual([
      "web-2 was UP again before the drill revived it: something else starts it",
    ]);
  });

  it("is inconclusive when nobody could tell the fault's moment and the bound lies within the kill", () => {
    const slowKill = (downMs: number): DrillRecord[] => [
      ...without(({ kind }) => kind === "probe" || kind === "sample" || kind === "step"),
      step("load-started", 0),
      step("kill-issued", 3000),
      step("kill-done", 6000),
      step("revive-issued", 12_000),
      ...[sample(10, "UP"), sample(downMs, "DOWN"), sample(12_500, "UP")],
    ];
    expect(judge(evidence({ records: slowKill(8500) })).reasons[0]).toContain(
      "the time to detect is unclear",
    );
    expect(judge(evidence({ records: slowKill(11_000) })).verdict).toBe("fail");
    expect(judge(evidence({ records: slowKill(7500) })).verdict).toBe("pass");
  });
});

describe("the load before a fault", () => {
  const early = [
    step("load-started", 0),
    sample(10, "UP"),
    sample(900, "UP", { totalSessions: 50 }),
    get(1),
    get(11),
  ];

  it("is sound when every request was answered and some reached the victim", () => {
    expect(unsoundLoad(evidence({ records: early }))).toBeNull();
  });

  it.each<[string, readonly DrillRecord[], RegExp]>([
    [
      "a request failed",
      [...early, get(21, { failure: "status 403" })],
      /1 of 3 requests failed before any fault \(status 403\)/,
    ],
    [
      "no request reached the victim",
      [sample(10, "UP"), sample(900, "UP"), get(1)],
      /no request reached web-2/,
    ],
    ["nothing was answered", [sample(10, "UP"), sample(900, "UP")], /no request was answered/],
    ["no statistics arrived", [get(1)], /statistics did not arrive/],
    ["the generator is far too slow", [...early, get(1, { sentMs: 50 })], /bottleneck/],
  ])("is unsound when %s, so nothing is killed", (_case, records, why) => {
    expect(unsoundLoad(evidence({ records }))).toMatch(why);
  });
});

describe("the document of a drill", () => {
  const document = makeDrillDocument(evidence());

  it("measures detection from the last good probe and recovery from the revive command", () => {
    expect(document).toMatchObject({
      format_version: 1,
      verdict: "pass",
      time_to_detect_ms: 1960,
      time_to_recover_ms: 2000,
      detect_bound_ms: 4800,
      fault: { measured_from: "probe", made: true },
      requests: { sent: 1300, ok: 1300, failed: 0, retried: 42 },
    });
  });

  it("prints each term of the bound, and their sum", () => {
    const bound = detectBound({ intervalMs: 2000, fastIntervalMs: 500, timeoutMs: 700, fall: 2, rise: 1 });
    expect(bound.terms.map(({ ms }) => ms)).toEqual([2000, 1400, 500, 200]);
    expect(bound.ms).toBe(4100);
  });

  it("divides the requests by when they were due", () => {
    const counts = Object.entries(document.answered_by).map(([phase, by]) => [phase, by["web-1"]]);
    expect(counts).toEqual([
      ["before", 300],
      ["during", 700],
      ["after", 300],
    ]);
  });

  it("never counts a probe from before the kill as the fault", () => {
    const records = without((record) => record.kind === "probe" && record.sentMs > 3000);
    expect(makeDrillDocument(evidence({ records })).time_to_detect_ms).toBe(2000);
  });

  it("counts failed requests by kind and leaves them out of the latency", () => {
    const records = [get(0, { failure: "timeout", doneMs: 10_000 }), get(1, { failure: "timeout" }), get(2)];
    const failed = makeDrillDocument(evidence({ records }));
    expect(failed.requests.failed_by_kind).toEqual({ timeout: 2 });
    expect(failed.latency_ms.before.max).toBe(5);
  });

  it("counts latency from when a request was due, by nearest rank", () => {
    const requests = Array.from({ length: 100 }, (_, n) => get(0, { sentMs: 90, doneMs: n + 1 }));
    expect(latency(requests)).toEqual({ p50: 50, p95: 95, max: 100 });
    expect(latency([])).toEqual({ p50: null, p95: null, max: null });
  });

  it("has an error code for each verdict but pass", () => {
    expect(
      ["pass", "fail", "inconclusive"].map((verdict) =>
        drillCode({ ...document, verdict: verdict as "pass" }),
      ),
    ).toEqual([null, "drill-failed", "drill-inconclusive"]);
  });
});
