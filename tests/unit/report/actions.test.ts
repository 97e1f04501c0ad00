import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { annotation, jsonWithoutCommands, withoutCommands } from "../../../src/report/actions.ts";
import { readCommands } from "../../support/workflow/commands.ts";

describe("nothing that is printed is a command for the runner", () => {
  const hostile = [
    "::set-env name=PATH::/tmp/evil",
    "::stop-commands::x",
    "       ::add-mask::a",
    "\t\u00a0\u2003::set-output name=changes::false",
    "\ufeff::error::forged",
    "\u0000::error::forged",
    "\u001b[31m::error::forged",
    "fine\r::add-path::/tmp/evil",
    "fine\n\n\n::save-state name=a::b",
    "::group:: ::error::forged",
    "said ##[set-output name=changes]false",
    "###[error]forged",
    "##[group]##[error]x",
  ];

  test.each(hostile)("%j", (text) => {
    expect(readCommands(withoutCommands(text))).toEqual([]);
    expect(readCommands(`${withoutCommands(text)}\n`.repeat(2))).toEqual([]);
  });

  test("the reader of this test does find them", () => {
    const found = hostile.filter((text) => readCommands(text).length > 0);
    // the runner does not take these three; lbctl is stricter, as a log may be stripped of colours first
    expect(hostile.filter((text) => !found.includes(text))).toEqual([
      "\u0000::error::forged",
      "\u001b[31m::error::forged",
    ]);
  });

  test.each(["::1/128", "2001:db8::/32 ok", "a :: b :: c", "  server x [::1]:80", "# [x] ## y", "\n\n \n"])(
    "what is none stays as it is: %j",
    (text) => {
      expect(withoutCommands(text)).toBe(text);
    },
  );

  test("a megabyte of what only looks like the start of one takes no time", () => {
    const began = performance.now();
    for (const text of ["\n", " ", "::", "\u001b[", "##["]) withoutCommands(text.repeat(1 << 20));
    expect(performance.now() - began).toBeLessThan(3000);
  });

  test("a JSON document says the same", () => {
    const document = { diff: hostile.join("\n"), "##[error]": 1 };
    const json = jsonWithoutCommands(JSON.stringify(document, null, 2));
    expect(readCommands(json)).toEqual([]);
    expect(JSON.parse(json)).toEqual(document);
  });
});

describe("an annotation", () => {
  const workspace = mkdtempSync(join(tmpdir(), "lbctl-workspace-"));
  const before = process.cwd();
  const only = (text: string) => {
    const [found, ...more] = readCommands(text);
    expect(more).toEqual([]);
    return found;
  };

  beforeEach(() => {
    mkdirSync(join(workspace, "infra/a,b:c"), { recursive: true });
    writeFileSync(join(workspace, "infra/hosts.yml"), "");
    writeFileSync(join(workspace, "infra/a,b:c/100%.yml"), "");
    process.chdir(join(workspace, "infra"));
  });

  afterEach(() => {
    process.chdir(before);
  });

  test("stands at the file and line that the problem names, relative to the workspace", () => {
    const text = annotation(
      "error",
      { what: "no such\nthing", at: "hosts.yml:12", hint: "Mend it." },
      workspace,
    );
    expect(text).toBe("::error file=infra/hosts.yml,line=12,title=lbctl::no such%0Athing%0AMend it.");
  });

  test("finds its file through a link to the workspace too", () => {
    const link = `${workspace}-link`;
    symlinkSync(workspace, link);
    expect(annotation("error", { what: "x", at: "hosts.yml:1" }, link)).toContain("file=infra/hosts.yml,");
  });

  test("escapes what would end a property or the line", () => {
    const found = only(
      annotation("warning", { what: "100%0A\r\n::error::x", at: "a,b:c/100%.yml:3" }, workspace),
    );
    expect(found).toEqual({
      name: "warning",
      properties: { file: "infra/a,b:c/100%.yml", line: "3", title: "lbctl" },
      message: "100%0A\\x0d\n::error::x",
    });
  });

  test("holds no command of the older kind", () => {
    const text = annotation("error", { what: "said ##[set-output name=a]b", at: "##[error]" }, workspace);
    expect(text).not.toContain("##[");
    expect(only(text)?.message).toBe("said # #[set-output name=a]b");
  });

  test.each(["lb-1", "lb-1:22", "/etc/hostname", "../outside.yml:3", "infra", "lb-1,file=x::\n::error::"])(
    "names the place in its title when that is no file of the workspace: %j",
    (at) => {
      const found = only(annotation("error", { what: "x", at }, workspace));
      expect(found?.properties).toEqual({ title: `lbctl ${at}` });
    },
  );

  test("goes to the first place behind the problem that can be shown", () => {
    const from = ["/usr/lib/lbctl/defaults.yml:3", "hosts.yml:4", "hosts.yml:9"];
    const found = only(annotation("error", { what: "x", at: "lb-1", from }, workspace));
    expect(found?.properties).toEqual({ file: "infra/hosts.yml", line: "4", title: "lbctl lb-1" });
  });

  test("needs no place", () => {
    expect(annotation("error", { what: "x" }, workspace)).toBe("::error title=lbctl::x");
  });
});
