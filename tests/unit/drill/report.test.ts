import { describe, expect, it } from "vitest";
import { makeDrillDocument, type DrillDocument } from "../../../src/drill/document.ts";
import type { DrillEvent } from "../../../src/drill/events.ts";
import { drillEventLine, drillLines } from "../../../src/report/drill.ts";
import { evidence, get, passedRecords, scenario } from "../../support/drill.ts";

const bare = (line: string): string => line.replace(/\u001B\[\d+m/g, "");
const text = (document: DrillDocument): string[] => drillLines(document).map(bare);

describe("the report of a drill", () => {
  it("says first that it passed, and gives the numbers", () => {
    const lines = text(makeDrillDocument(evidence()));
    expect(lines[0]).toBe("PASS  killed web-2 of api_pool under load: no request failed");
    expect(lines).toContain("requests    1300 sent, 1300 ok, 0 failed");
    expect(lines).toContain("retried     42 tries by HAProxy, of all clients of the pool");
    expect(lines).toContain("detected    2 s after its last good answer");
    expect(lines).toContain("            fall 3 x check timeout 1000 ms");
    expect(lines).toContain("during                       5.0       5.0       5.0");
    expect(lines).toContain("web-1                        300       700       300");
    expect(lines).toContain("    5.00 s  HAProxy marks web-2 DOWN");
  });

  it("says why it failed, and how the requests did", () => {
    const records = [...passedRecords, get(4000, { failure: "status 503" })];
    const lines = text(makeDrillDocument(evidence({ records })));
    expect(lines.slice(0, 2)).toEqual([
      "FAIL  killed web-2 of api_pool under load",
      "- 1 of 1301 requests failed",
    ]);
    expect(lines).toContain("failures    1 x status 503");
  });

  it("says that nothing was killed when nothing was", () => {
    const lines = text(
      makeDrillDocument(evidence({ records: [], obstacle: "nothing was killed: lb-1 is odd" })),
    );
    expect(lines.slice(0, 2)).toEqual([
      "INCONCLUSIVE  web-2 of api_pool was not killed",
      "- nothing was killed: lb-1 is odd",
    ]);
  });

  it("stays within 80 columns and free of control characters, whatever the names are", () => {
    const long = "n".repeat(100);
    const document = makeDrillDocument(
      evidence({
        scenario: { ...scenario, server: long, target: { ...scenario.target, host: long } },
        records: [
          ...passedRecords,
          get(1, { server: `\u001B[2J${long}` }),
          get(2, { failure: `${long} ${long}` }),
        ],
        obstacle: `${long} and ${"word ".repeat(60)}`,
      }),
    );
    const verdicts = (["pass", "fail", "inconclusive"] as const).flatMap((verdict) =>
      text({ ...document, verdict }),
    );
    expect(Math.max(...verdicts.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(verdicts.join("")).not.toMatch(/[\u0000-\u001F]/);
  });

  it("tells the way back with the kill", () => {
    const event: DrillEvent = {
      kind: "kill",
      server: "web-2",
      command: "kill-it",
      reviveCommand: "revive-it",
    };
    expect(bare(drillEventLine(event) ?? "")).toBe("kill web-2: kill-it\n  undo: revive-it");
    expect(drillEventLine({ kind: "progress", sent: 1, failed: 0 })).toBeNull();
  });
});
