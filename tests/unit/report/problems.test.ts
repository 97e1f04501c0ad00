import { expect, test } from "vitest";
import { LbctlError } from "../../../src/errors.ts";
import { shownProblems } from "../../../src/report/problems.ts";

test("problems are told file by file as they come, and by line", () => {
  const places = ["b.yml:11", "a.yml:2", "b.yml:3", undefined, "b.yml:3", "a.yml:10", "a.yml"];
  const problems = places.map((at, index) => ({ what: String(index), ...(at === undefined ? {} : { at }) }));
  const shown = shownProblems(new LbctlError("invalid", problems));
  expect(shown.map(({ what }) => what).join("")).toBe("2406153");
});
