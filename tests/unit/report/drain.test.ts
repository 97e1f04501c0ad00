import { expect, test } from "vitest";
import { drainedBy, drainLines, waitingLine } from "../../../src/report/drain.ts";

const load = { sessions: 3, oldSessions: 0, total: 9, up: [] };

test("a line for each server, at most 80 columns wide", () => {
  const name = "a_pool_with_a_long_name/backend-with-a-long-name-1";
  const lines = drainLines([
    { host: "lb-1", servers: [{ name: "api/a", status: "DRAIN" }], load, error: null },
    {
      host: "lb-2",
      servers: [{ name, status: "MAINT", why: "in maintenance before, and left so" }],
      load,
      error: null,
    },
    { host: "lb-3", servers: [], load: null, error: null },
  ]);
  expect(lines).toEqual([
    "lb-1         api/a                          DRAIN",
    "             3 sessions",
    "lb-2         a_pool_with…with-a-long-name-1 MAINT    in maintenance before, and left so",
    "             3 sessions",
    "lb-3         has none of them",
  ]);
});

test("what is waited for", () => {
  expect(waitingLine("lb-1", { ...load, sessions: 0, oldSessions: 1 }, 9600)).toBe(
    "lb-1         … 1 session, 1 of them from before a reload; 10 s to the deadline",
  );
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
