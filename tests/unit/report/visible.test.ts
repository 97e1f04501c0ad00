import { afterEach, expect, test, vi } from "vitest";
import { keepSecret } from "../../../src/document/secrets.ts";
import { LbctlError } from "../../../src/errors.ts";
import { reportError } from "../../../src/report/errors.ts";
import { originLines } from "../../../src/report/inventory.ts";
import { jsonText, printJson, printMasked, printText } from "../../../src/report/out.ts";
import { visible, visibleInColour, visibleJson, visibleLine } from "../../../src/report/visible.ts";
import { Part } from "../../../src/document/part.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

function printed(print: () => void): string {
  const texts: string[] = [];
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, "write").mockImplementation((text) => texts.push(String(text)) > 0);
  print();
  vi.restoreAllMocks();
  return texts.join("");
}

const hostile = "a\u001b[2J\u001b]0;t\u0007\r\u0000\u007f\u009b1mb\u202ec\u2066\u200f\u2028d";
const unseen = /[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

test("control and direction characters are written out; line ends, tabs and letters stay", () => {
  expect(visible(hostile)).toBe(
    "a\\x1b[2J\\x1b]0;t\\x07\\x0d\\x00\\x7f\\x9b1mb\\u202ec\\u2066\\u200f\\u2028d",
  );
  expect(visible("grün\t日本\n👩‍💻")).toBe("grün\t日本\n👩‍💻");
  expect(visibleLine("a\nerror: b")).toBe("a\\nerror: b");
});

test("lbctl's own colours stay, and no other sequence does", () => {
  expect(visibleInColour("\u001b[1m\u001b[31mx\u001b[39m\u001b[22m")).toBe(
    "\u001b[1m\u001b[31mx\u001b[39m\u001b[22m",
  );
  expect(visibleInColour("\u001b[8mx\u001b[41m\u001b[2K")).toBe("\\x1b[8mx\\x1b[41m\\x1b[2K");
});

test("JSON says the same", () => {
  const json = visibleJson(JSON.stringify({ [hostile]: hostile }));
  expect(json).not.toMatch(unseen);
  expect(JSON.parse(json)).toEqual({ [hostile]: hostile });
});

test.each([
  [
    "text",
    () => {
      printText(`${hostile}\n`);
    },
  ],
  [
    "JSON",
    () => {
      printJson({ [hostile]: hostile });
    },
  ],
  [
    "a listing",
    () => {
      printMasked([visibleJson(JSON.stringify({ a: hostile }))]);
    },
  ],
  [
    "lines",
    () => {
      printMasked([hostile]);
    },
  ],
  [
    "an error",
    () => {
      reportError(new LbctlError("invalid", { what: hostile, at: hostile, hint: hostile }), {
        json: false,
        verbose: true,
      });
    },
  ],
])("nothing of it reaches the terminal: %s", (_, print) => {
  const text = printed(print);
  expect(text).not.toMatch(unseen);
  expect(text).toContain("a");
});

test("a name with a line break forges no line", () => {
  const name = "x\nerror: hosts.yml:1: forged";
  const forged = new LbctlError("invalid", { what: name, at: name, hint: name });
  const lines = printed(() => {
    reportError(forged, { json: false, verbose: false });
  })
    .trimEnd()
    .split("\n");
  expect(lines.filter((line) => line.startsWith("error:"))).toHaveLength(1);
  const vars = new Map([[name, new Part("v", { file: name, line: 1 })]]);
  expect(
    originLines(new Map([["h", vars]]))
      .join("\n")
      .split("\n"),
  ).toHaveLength(3);
});

test("an ordinary word that is secret is no mask in lbctl's own words, and is one in what a host says", () => {
  keepSecret("haproxy");
  const own = { what: "the role haproxy has no variable x", at: "group_vars/haproxy.yml:3" };
  const told = printed(() => {
    reportError(new LbctlError("invalid", own), { json: true, verbose: false });
  });
  expect(told).toContain(`"at": "${own.at}"`);
  expect(told).toContain(`error: ${own.at}: ${own.what}`);
  const foreign = { what: "it cannot be reached: haproxy@h: no", at: "haproxy-1" };
  const heard = printed(() => {
    reportError(new LbctlError("unreachable", foreign), { json: true, verbose: false });
  });
  expect(heard).toContain('"what": "it cannot be reached: <secret>@h: no"');
  expect(heard).toContain("error: haproxy-1: it cannot be reached: <secret>@h: no");
});

test("an unusual secret is masked wherever it stands", () => {
  keepSecret("s3cr3t-swordfish");
  expect(jsonText({ at: "s3cr3t-swordfish/x:1" })).not.toContain("s3cr3t");
  const error = new LbctlError("invalid", { what: "x", at: "s3cr3t-swordfish/x:1" });
  expect(
    printed(() => {
      reportError(error, { json: true, verbose: true });
    }),
  ).not.toContain("s3cr3t");
});
