import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/lbctl.ts";

/** The tests that a row of docs/faults.md names: `file › title`, or a file alone while it is not there yet. */
function testsOf(row: string): { readonly file: string; readonly title: string | undefined }[] {
  const cell = row.split(" | ").at(-1) ?? "";
  return [...cell.matchAll(/(`+)(.+?)\1(?!`)/g)].map(([, , span = ""]) => {
    const [file = "", title] = span.trim().split(" › ");
    return { file: join(root, "tests", `${file}.test.ts`), title };
  });
}

const [tables = ""] = readFileSync(join(root, "docs/faults.md"), "utf8").split("\n## The crash matrix");
const rows = tables.split("\n").filter((line) => /^\| (?!fault +\||-)/.test(line));

test("every fault has a test", () => {
  expect(rows.length).toBeGreaterThan(45);
  expect(rows.filter((row) => testsOf(row).length === 0)).toEqual([]);
});

test("every test that a fault names is there", () => {
  const wrong = rows.flatMap(testsOf).filter(({ file, title }) => {
    if (title === undefined) return existsSync(file);
    return !existsSync(file) || !readFileSync(file, "utf8").includes(JSON.stringify(title));
  });
  expect(wrong).toEqual([]);
});
