import { describe, expect, test } from "vitest";
import { parseYaml } from "../../src/document/yaml.ts";
import { problemsOf, textsOf } from "./folder.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => parseYaml(bytes(text), "f.yml").value;

// each was read by PyYAML 6 through Ansible
test.each<[string, unknown]>([
  ["yes", true],
  ["No", false],
  ["on", true],
  ["OFF", false],
  ["y", "y"],
  ["tRue", "tRue"],
  ["0777", 511],
  ["08", "08"],
  ["-0777", -511],
  ["0o17", "0o17"],
  ["0x1F", 31],
  ["0b101", 5],
  ["0x", "0x"],
  ["1_000", 1000],
  ["+1", 1],
  ["1:30", 90],
  ["-1:30", -90],
  ["1:30:15", 5415],
  ["1:60", "1:60"],
  ["01:30", "01:30"],
  ["190:20:30.15", 685230.15],
  ["1e3", "1e3"],
  ["1.0e3", "1.0e3"],
  ["1.0e+3", 1000],
  ["1.10", 1.1],
  [".5", 0.5],
  ["1.", 1],
  [".inf", Infinity],
  ["-.INF", -Infinity],
  [".nan", NaN],
  ["~", null],
  ["", null],
  ["Null", null],
  ["nUll", "nUll"],
  ["2001-12-14", "2001-12-14"],
  ["2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.100000-05:00"],
  ["2001-12-14 21:59:43 Z", "2001-12-14T21:59:43+00:00"],
  ["2001-1-2", "2001-1-2"],
  ["'2001-12-14 21:59:43'", "2001-12-14 21:59:43"],
  ["10.0.0.1", "10.0.0.1"],
  ["12345678901234567890", "12345678901234567890"],
  ["'yes'", "yes"],
  ['"0777"', "0777"],
  ["!!str 1", "1"],
  ["!!int '0x10'", 16],
  ["!!float 1", 1],
  ["!!bool 'no'", false],
  ["! 1", 1],
  ["a#b", "a#b"],
  ["|\n  a\n  b\n", "a\nb\n"],
  [">-\n  a\n  b\n", "a b"],
])("reads the scalar %j as Ansible does", (text, value) => {
  expect(read(`k: ${text}`)).toEqual({ k: value });
});

test("reads JSON with JSON's numbers", () => {
  expect(read('{"a": 1e3, "b": [true, null], "c": "yes"}')).toEqual({ a: 1000, b: [true, null], c: "yes" });
});

test("reads an empty file, and one of comments, as null", () => {
  expect([read(""), read("# nothing\n"), read("---\n")]).toEqual([null, null, null]);
});

test("accepts a byte order mark and CRLF, and normalises line ends", () => {
  expect(read("\uFEFFa: |\r\n  x\r\n  y\r\nb: 1\r\n")).toEqual({ a: "x\ny\n", b: 1 });
});

test("keeps keys named __proto__ and constructor as data", () => {
  const value = read("__proto__: {x: 1}\nconstructor: 2\n") as object;
  expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
  expect(({} as { x?: unknown }).x).toBeUndefined();
});

describe("merge keys", () => {
  test.each<[string, string, unknown]>([
    ["an own key wins, before or after", "b: {q: 3, <<: *x, r: 4}", { p: 1, q: 3, r: 4 }],
    ["of several maps the earlier wins", "b: {<<: [*x, {p: 9, z: 9}]}", { p: 1, q: 2, z: 9 }],
    ["a quoted << is a plain key", 'b: {"<<": 1}', { "<<": 1 }],
  ])("%s", (_, text, expected) => {
    expect((read(`a: &x {p: 1, q: 2}\n${text}\n`) as { b: unknown }).b).toEqual(expected);
  });

  test("refuses to merge what is not a map", async () => {
    expect(await textsOf(() => read("a: 1\nb:\n  <<: [1]\n"))).toEqual([
      "f.yml:3 only a map, or a list of maps, can be merged with `<<`",
    ]);
  });
});

test("knows where each part was written, also behind aliases and merges", () => {
  const part = parseYaml(
    bytes("a: &x\n  p: 1\n  q:\n    - 1\n    - 2\nb: *x\nc:\n  <<: *x\n  r: 1\n"),
    "f.yml",
  );
  const line = (...path: (string | number)[]) => part.originOf(path).line;
  expect([line(), line("a"), line("a", "q"), line("a", "q", 1)]).toEqual([1, 1, 3, 5]);
  expect([line("b"), line("b", "q", 0), line("c", "p"), line("c", "r")]).toEqual([6, 4, 2, 9]);
  // a part that is not there has the place of what would enclose it
  expect([line("a", "nothing", 3), line("a", "q", 7)]).toEqual([1, 3]);
  expect(part.originOf(["a"]).file).toBe("f.yml");
});

test("names both lines of a duplicate key", async () => {
  expect(await textsOf(() => read("a: 1\nb: {c: 1,\n  c: 2}\na: 3\n"))).toEqual([
    'f.yml:3 the key "c" is written twice, on line 2 and on line 3',
    'f.yml:4 the key "a" is written twice, on line 1 and on line 4',
  ]);
});

test("counts keys as duplicates after they are read", async () => {
  expect(await textsOf(() => read("1: a\n0x1: b\n"))).toEqual([
    'f.yml:2 the key "1" is written twice, on line 1 and on line 2',
  ]);
});

test.each<[string, string, string]>([
  ["an unquoted reference", "a: 1\nb: {{ x }}\n", "f.yml:2 a value that starts with {{ must be in quotes"],
  [
    "an unquoted reference with more text",
    "b: {{ x }}/y\n",
    "f.yml:1 a value that starts with {{ must be in quotes",
  ],
  ["a tab", "a:\n\tb: 1\n", "f.yml:2 a tab is used for indentation"],
  ["an open quote at the end", 'a: "x\n', 'f.yml:1 the " that opens here is not closed'],
  ["an open bracket at the end", "a: [1\n", "f.yml:1 the [ that opens here is not closed"],
  ["an open bracket", "x: 1\na: [1, 2\nb: 3\n", "f.yml:2 the [ that opens here is not closed"],
  ["an open brace", "a:\n  b: { c: 1\n  d: { e: 2 }\n", "f.yml:2 the { that opens here is not closed"],
  ["the inner of two", "a: { b: 1,\n  c: [2\nd: 3\n", "f.yml:2 the [ that opens here is not closed"],
  ["an open quote", "a: 1\nb: 'x\nc: 3\n", "f.yml:2 the ' that opens here is not closed"],
  ["a wrong indentation", "a: 1\n b: 2\n", "f.yml:"],
  ["a map as a key", "? [a]\n: 1\n", "f.yml:1 a key must be a single word"],
  ["two documents", "a: 1\n---\nb: 2\n", "f.yml:2 the file holds several YAML documents"],
  ["an unknown tag", "a: !foo 1\n", "f.yml:1 the tag !foo is not supported here"],
  ["a tag that does not fit", "a: !!int x\n", 'f.yml:1 "x" is not what its tag !!int says'],
  ["an unknown alias", "a: *x\n", "f.yml:1 the alias *x names no anchor above it"],
  [
    "an alias inside its own anchor",
    "a: &x [*x]\n",
    "f.yml:1 the alias *x stands inside the value that it names",
  ],
  ["a day that does not exist", "a: 2001-02-29\n", "f.yml:1 2001-02-29 looks like a date"],
  ["a lone =", "a: =\n", "f.yml:1 = must be in quotes"],
  ["a directive", "%a: v\n", "f.yml:1 a line that starts with %"],
  [
    "a control character",
    "a: 1\nb: \u0000\n",
    "f.yml:2 the control character U+0000 may not stand in the file",
  ],
  [
    "a file encrypted with ansible-vault",
    "$ANSIBLE_VAULT;1.1;AES256\n6161\n",
    "f.yml:1 the encrypted text is damaged",
  ],
])("refuses %s, in words and with its line", async (_, text, expected) => {
  const [first] = await textsOf(() => read(text));
  expect(first?.slice(0, expected.length)).toBe(expected);
});

test("tells the problems of all lines at once, each line once", async () => {
  const texts = await textsOf(() => read("a: 'x' y\nb: 1\nc: 'z' {{ d }}\n"));
  const lines = texts.map((text) => text.split(" ")[0]);
  expect(lines.length).toBeGreaterThan(1);
  expect(new Set(lines).size).toBe(lines.length);
});

test.each([
  ["both that are open", "a: [1\n b: {\n", [1, 2]],
  ["one in another", "a: { b: 1,\n  c: [2\nd: 3\n", [1, 2]],
  ["no keys that an open bracket took", "a: [1,\n 2\n b: 3\nc: 4\n", [1]],
])("tells of brackets %s", async (_, text, lines) => {
  const texts = await textsOf(() => read(text));
  expect(texts.sort()).toEqual(
    lines.map(
      (line) =>
        expect.stringMatching(`^f\\.yml:${String(line)} the . that opens here is not closed$`) as unknown,
    ),
  );
});

test("says what to do about every syntax error", async () => {
  for (const problem of await problemsOf(() => read("a: 'x' y\nb: {{ d }}\n")))
    expect(problem.hint).toBeTruthy();
});

test("names the offset and line of a byte that is not UTF-8", async () => {
  const text = new Uint8Array([...bytes("a: 1\nb: "), 0xe9, 0x0a]);
  expect(await textsOf(() => parseYaml(text, "f.yml"))).toEqual([
    "f.yml:2 the byte at offset 8 (0xe9) is not UTF-8",
  ]);
});

test("accepts U+FFFD where it is truly written", () => {
  expect(read("a: \uFFFD")).toEqual({ a: "\uFFFD" });
});

test("refuses an alias bomb quickly", async () => {
  const levels = Array.from({ length: 12 }, (_, level) => {
    const items = Array.from({ length: 9 }, () => (level === 0 ? "x" : `*l${level - 1}`));
    return `l${level}: &l${level} [${items.join(", ")}]`;
  });
  const start = performance.now();
  expect((await textsOf(() => read(levels.join("\n"))))[0]).toMatch(
    /aliases repeat more than 1000000 values/,
  );
  expect(performance.now() - start).toBeLessThan(2000);
});

test("refuses a bomb of merge keys too", async () => {
  const levels = Array.from({ length: 40 }, (_, level) =>
    level === 0
      ? "l0: &l0 {a: x, b: y}"
      : `l${level}: &l${level} {k${level}: [*l${level - 1}, *l${level - 1}], <<: *l${level - 1}}`,
  );
  expect((await textsOf(() => read(levels.join("\n"))))[0]).toMatch(/aliases repeat more than/);
});

test.each([
  ["50 levels are accepted", 50, undefined],
  ["51 levels are refused", 51, /nested more than 50 levels/],
  ["100 000 levels are refused without a crash", 100_000, /nested more than 50 levels/],
])("%s", async (_, depth, expected) => {
  const text = "[".repeat(depth) + "]".repeat(depth);
  if (expected) expect((await textsOf(() => read(text)))[0]).toMatch(expected);
  else expect(JSON.stringify(read(text))).toBe(text);
});

test("counts nesting through aliases", async () => {
  const text = `a: &a ${"[".repeat(30)}${"]".repeat(30)}\nb: ${"[".repeat(30)}*a${"]".repeat(30)}\n`;
  expect(await textsOf(() => read(text))).toEqual(["f.yml:2 values are nested more than 50 levels deep"]);
});

test("refuses a file over 5 MiB", async () => {
  expect(await textsOf(() => parseYaml(new Uint8Array(5 * 1024 * 1024 + 1), "f.yml"))).toEqual([
    "f.yml the file is 5.0 MiB; the limit is 5.0 MiB",
  ]);
});
