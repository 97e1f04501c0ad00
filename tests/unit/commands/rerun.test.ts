import { expect, test } from "vitest";
import { howToGoOn } from "../../../src/commands/rerun.ts";
import type { HostOutcome } from "../../../src/model/events.ts";

const outcomes = (...words: string[]): HostOutcome[] =>
  words.map((word, index) => ({
    host: `lb-${String(index + 1)}`,
    outcome: word as HostOutcome["outcome"],
    error: null,
  }));
const words = ["apply", "-i", "inventories/my lab", "--yes", "-l", "lb-*"];

test("an apply goes on by the same command", () => {
  expect(howToGoOn(words, outcomes("changed", "failed", "skipped"), true)).toEqual([
    "The same command goes on: hosts that are done stay as they are.",
    "  lbctl apply -i 'inventories/my lab' --yes -l 'lb-*'",
  ]);
});

test("a rollback to the generation before is run for the other hosts alone", () => {
  const lines = howToGoOn(
    ["rollback", "--yes"],
    outcomes("changed", "failed", "unchanged", "skipped"),
    false,
  );
  expect(lines[1]).toBe("  lbctl rollback --yes -l lb-2:lb-4");
});

test.each([[["changed", "changed"]], [["failed"]], [["unchanged", "failed"]]])(
  "there is nothing to go on with after %j",
  (ends) => {
    expect(howToGoOn(words, outcomes(...ends), true)).toEqual([]);
  },
);

test.each([
  [["-e", "password=hunter2"], "-e …"],
  [["-ye", "password=hunter2"], "-ye …"],
  [["-epassword=hunter2"], "-e…"],
  [["--extra-vars=password=hunter2"], "--extra-vars=…"],
  [["-e", "@vars.yml", "--yes"], "-e @vars.yml --yes"],
])("of the variables in %j no value is shown", (extra, shown) => {
  const [, line] = howToGoOn(["apply", ...extra], outcomes("failed", "skipped"), true);
  expect(line).toBe(`  lbctl apply ${shown}`);
});
