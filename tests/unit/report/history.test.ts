import { expect, test } from "vitest";
import type { HistoryEntry, HostHistory } from "../../../src/model/history.ts";
import { historyDocument, historyLines } from "../../../src/report/history.ts";

const entry: HistoryEntry = {
  generation: 3,
  outcome: "changed",
  reason: null,
  restores: null,
  by: "anna@desk",
  at: "2026-03-04T05:06:07.890Z",
  lbctl: "0.1.0",
  git: "0123456789abcdef",
  files: [],
  kept: true,
};
const history = (...entries: HistoryEntry[]): HostHistory => ({
  host: "lb-1",
  current: 3,
  previous: 2,
  undecided: null,
  entries,
});
const long = "x".repeat(300);

test("a line a change, newest first, and its files below", () => {
  const lines = historyLines(
    history(
      {
        ...entry,
        files: [
          { path: "haproxy.cfg", action: "update" },
          { path: "lists/a", action: "create" },
        ],
      },
      { ...entry, generation: 2, outcome: "rollback", restores: 1, git: null },
    ),
  );
  expect(lines).toEqual([
    "lb-1",
    "     GEN WHEN                 OUTCOME       WHO                      GIT",
    "  *    3 2026-03-04T05:06:07Z changed       anna@desk                0123456",
    "           ~ haproxy.cfg  + lists/a",
    "  +    2 2026-03-04T05:06:07Z back to 1     anna@desk                -",
    "  * current, + still there to go back to with lbctl rollback --to GEN",
    "",
  ]);
});

test("no line is wider than 80 columns, or moves the cursor, whatever a host says", () => {
  const evil: HistoryEntry = {
    ...entry,
    by: `\u001b[2J${long}`,
    at: long,
    git: long,
    reason: `${long}\u001b[31m\n${"word ".repeat(100)}`,
    files: [{ path: `\u001b]0;${long}`, action: "delete" }],
  };
  const lines = historyLines({ ...history(evil, { ...evil, generation: null }), host: long });
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  expect(lines.join("")).not.toContain("\u001b");
});

test("a host without changes says so", () => {
  expect(historyLines(history())).toEqual(["lb-1", "  nothing that lbctl did", ""]);
});

test("the document has each entry's keys, and an error where there is no history", () => {
  expect(historyDocument([{ host: "lb-1", look: history(entry), error: null }])).toEqual({
    format_version: 1,
    hosts: [{ name: "lb-1", current: 3, previous: 2, undecided: null, entries: [{ ...entry }], error: null }],
  });
  expect(historyDocument([{ host: "lb-1", look: null, error: null }])).toMatchObject({
    hosts: [{ name: "lb-1", current: null, entries: [] }],
  });
});
