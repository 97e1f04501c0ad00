import { expect, test } from "vitest";
import { wrap } from "../../../src/report/columns.ts";
import { drainDocument, drainedBy, drainLines, waitingLine } from "../../../src/report/drain.ts";

const load = { sessions: 3, oldSessions: 0, silent: [], total: 9, up: [] };

test("a line for each server, at most 80 columns wide", () => {
  const name = "a_pool_with_a_long_name/backend-with-a-long-name-1";
  const lines = drainLines([
    { host: "lb-1", servers: [{ name: "api/a", status: "DRAIN 1/3" }], load, why: null, error: null },
    {
      host: "lb-2",
      servers: [
        { name, status: "MAINT", why: "in maintenance before, and left so" },
        { name, status: "MAINT (via some_pool/some-server-with-a-name)" },
      ],
      load: { ...load, silent: ["81"] },
      why: null,
      error: null,
    },
    { host: "lb-3", servers: [], load: null, why: "has none of them", error: null },
  ]);
  expect(lines).toEqual([
    "lb-1         api/a                          DRAIN 1/3",
    "             3 sessions",
    "lb-2         a_pool_with…with-a-long-name-1 MAINT",
    "             in maintenance before, and left so",
    "lb-2         a_pool_with…with-a-long-name-1 MAINT (via some_pool/some-server-wi…",
    "             3 sessions; not known of worker 81 from before a reload, which does",
    "             not answer",
    "lb-3         has none of them",
  ]);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
});

test("a program can tell one that was left alone from one that has none of them", () => {
  const why = "not touched, since lb-2 could not be asked";
  expect(drainDocument([{ host: "lb-1", servers: [], load: null, why, error: null }])).toMatchObject({
    hosts: [{ name: "lb-1", why, silent: null }],
  });
});

test("what is waited for", () => {
  const none = { ...load, sessions: 0 };
  expect(waitingLine([{ host: "lb-1", load: none }], 9600)).toBe("… 10 s to the deadline; 0 sessions");
  const hosts = [
    { host: "lb-1", load: { ...none, oldSessions: 1 } },
    { host: "lb-2", load: none },
    { host: "lb-3", load },
  ];
  expect(waitingLine(hosts, 9600)).toBe(
    "… 10 s to the deadline; lb-1: 1 session, 1 of them from before a reload; lb-3: …",
  );
});

test.each(["x".repeat(200), "漢".repeat(200)])("a long reason is broken into lines: %s", (reason) => {
  const drain = { state: "drain", by: "ana@x", reason, since_seconds: 9, left_seconds: null } as const;
  const lines = wrap(drainedBy(drain), 80, "      ");
  const columns = (line: string): number => line.length + (line.match(/漢/g)?.length ?? 0);
  expect(Math.max(...lines.map(columns))).toBeLessThanOrEqual(80);
  expect(lines.map((line) => line.trim()).join("")).toContain(reason);
});

test.each([
  [
    { state: "drain", reason: "a disk", left_seconds: 90 },
    "drained by ana@x 2 m ago: a disk; ready again in 90 s",
  ],
  [{ state: "maint", reason: null, left_seconds: null }, "in maintenance by ana@x 2 m ago"],
  [{ state: "drain", reason: null, left_seconds: 0 }, "drained by ana@x 2 m ago; was to be ready by now"],
] as const)("who drained it: %j", (drain, words) => {
  expect(drainedBy({ by: "ana@x", since_seconds: 120, ...drain })).toBe(words);
});
