import { expect, test } from "vitest";
import { parseExtraVars } from "../../../src/inventory/extra-vars.ts";
import { folderOf, textsOf } from "../folder.ts";

const values = async (...args: string[]) =>
  Object.fromEntries(
    Object.entries(await parseExtraVars(args)).map(([name, variable]) => [name, variable.value]),
  );

test.each<[string, string[], object]>([
  ["name=value as text", ["a=1 b=yes"], { a: "1", b: "yes" }],
  ["quotes", [`a="x y" b='z "w"' c=`], { a: "x y", b: 'z "w"', c: "" }],
  ["an equals sign in the value", ["a=b=c"], { a: "b=c" }],
  ["JSON", ['{"a": 1, "b": [true]}'], { a: 1, b: [true] }],
  ["YAML", ["{a: yes, b: 0777}"], { a: true, b: 511 }],
  ["several options, the later wins", ["a=1 b=1", '{"a": 2}'], { a: 2, b: "1" }],
  ["nothing", ["", " "], {}],
])("reads %s", async (_, args, expected) => {
  expect(await values(...args)).toEqual(expected);
});

test("reads a file, with its lines", async () => {
  const folder = await folderOf({ "x.yml": "a: 1\nb: [1,\n  2]\n" });
  const vars = await parseExtraVars([`@${folder}/x.yml`]);
  expect(vars.b?.originOf([1])).toEqual({ file: `${folder}/x.yml`, line: 3 });
});

test("a variable knows which option it came from", async () => {
  const vars = await parseExtraVars(["a=1", "b=1", '{"c": {"d": 1}}']);
  expect([vars.b?.originOf([]), vars.c?.originOf([])]).toEqual([
    { file: "--extra-vars", line: 2 },
    { file: "--extra-vars", line: 3 },
  ]);
});

test.each([
  ["a word without =", "a", '"a" is not name=value'],
  ["a missing name", "=a", '"=a" is not name=value'],
  ["an open quote", 'a="x', 'a quote or a {{ is not closed in "a=\\"x"'],
  ["a file without @", "./x.yml", '"./x.yml" looks like a file'],
  ["a missing file", "@/nowhere/x.yml", "there is no file /nowhere/x.yml"],
  ["a list", "[1]", "extra variables must be a map; read [1] (a list)"],
])("refuses %s", async (_, arg, expected) => {
  expect(await textsOf(() => parseExtraVars([arg]))).toEqual([`--extra-vars:1 ${expected}`]);
});

test("a file without variables is refused, as by Ansible", async () => {
  const folder = await folderOf({ "x.yml": "# none\n" });
  const texts = await textsOf(() => parseExtraVars([`@${folder}/x.yml`]), folder);
  expect(texts).toEqual(["x.yml:1 extra variables must be a map; read nothing (null)"]);
});

test("tells the problems of all options", async () => {
  expect(await textsOf(() => parseExtraVars(["a", "b=1", "{"]))).toHaveLength(2);
});
