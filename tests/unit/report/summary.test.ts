import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { LbctlError } from "../../../src/errors.ts";
import type { HostPlan } from "../../../src/model/host.ts";
import { changeMarkdown, planMarkdown, problemsMarkdown } from "../../../src/report/markdown.ts";
import { appendSummary, fitBlocks, type Block } from "../../../src/report/summary.ts";

const quiet: HostPlan = {
  host: "lb-2",
  changes: false,
  install: [],
  files: [],
  links: [],
  activate: null,
  enable: false,
  dropIn: null,
  generation: null,
  adopts: false,
  drift: [],
  warnings: [],
};
const changed: HostPlan = {
  ...quiet,
  host: "lb-1",
  changes: true,
  install: ["haproxy"],
  files: [
    {
      path: "haproxy.cfg",
      action: "update",
      diff: "@@ -1 +1 @@\n-retries 3\n+retries 2\n",
      note: null,
      drift: false,
    },
    { path: "lists/a.list", action: "create", diff: "", note: "empty", drift: false },
  ],
  activate: { how: "reload", why: "haproxy.cfg differs" },
};
const all = (blocks: readonly Block[]): string => blocks.map(({ text }) => text).join("");
const planned = (plan: HostPlan) => ({ host: plan.host, plan, error: null });

test("a plan is a sentence, and what changes on each host, folded", () => {
  const unreachable = new LbctlError("unreachable", { what: "no answer", at: "lb-3", hint: "Start it." });
  const hosts = [planned(changed), planned(quiet), { host: "lb-3", plan: null, error: unreachable }];
  expect(all(planMarkdown(hosts))).toBe(
    [
      "### lbctl plan",
      "",
      "Plan&#58; 1 host to change, 1 unchanged.",
      "",
      "<details><summary><b>lb-1&#58; package haproxy, 2 files, reload</b></summary>",
      "",
      "- package haproxy is installed",
      "- reload&#58; haproxy.cfg differs",
      "- update haproxy.cfg",
      "",
      "```diff",
      "@@ -1 +1 @@",
      "-retries 3",
      "+retries 2",
      "```",
      "",
      "- create lists/a.list (empty)",
      "",
      "</details>",
      "",
      "- **error:** lb-3: no answer<br>Start it.",
      "",
    ].join("\n"),
  );
});

test("an apply is a table of outcomes", () => {
  const skipped = {
    host: "lb-2",
    outcome: "skipped",
    error: null,
    why: "not begun, since lb-1 failed",
  } as const;
  const outcomes = [{ host: "lb-1", outcome: "rolled-back", error: null } as const, skipped];
  expect(all(changeMarkdown("apply", outcomes, []))).toContain(
    "| host | outcome |\n| --- | --- |\n| lb-1 | rolled-back |\n| lb-2 | skipped, not begun, since lb-1 failed |\n",
  );
});

test("no name breaks out of its place", () => {
  const evil = 'a|b</summary><script>`*_[x](http://y)\n# www.example.org @team "';
  const plan = { ...changed, host: evil, warnings: [evil] };
  const blocks = [
    ...planMarkdown([planned(plan)]),
    ...changeMarkdown("apply", [{ host: evil, outcome: "failed", error: null }], []),
    ...problemsMarkdown([{ what: evil, at: evil, hint: evil }]),
  ];
  const text = all(blocks).replace(/```diff[^]*?```/, "");
  const ours = /<\/?(details|summary|b|br)>|&#\d+;|\*\*error:\*\*|^(###|- |\| --- \|.*| *\|)|: | \|/gm;
  expect(text.replace(ours, "")).not.toMatch(/[<>|`*_[\]#@"]|https?:|www\./);
});

test("no diff ends its fence", () => {
  const diff = "+a\n+```\n-````\n+</details>\n";
  const text = all(
    planMarkdown([
      planned({ ...changed, files: [{ path: "x", action: "update", diff, note: null, drift: false }] }),
    ]),
  );
  expect(text).toContain(`\n\`\`\`\`\`diff\n${diff}\`\`\`\`\`\n`);
});

test("what does not fit is told in short, then left out, and a sentence says so", () => {
  const blocks = [1, 2, 3].map((n) => ({ text: `${String(n).repeat(400)}\n`, short: `${n}\n` }));
  const text = fitBlocks(blocks, 500);
  expect(text).toMatch(/^\n1{400}\n2\n3\n\nNot all of it fits/);
  expect(fitBlocks(blocks, 2000)).not.toContain("Not all");
  for (let room = 0; room < 1400; room += 7) expect(fitBlocks(blocks, room).length).toBeLessThanOrEqual(room);
});

test("a summary never grows beyond what the runner takes, whatever is in it already", () => {
  const file = join(mkdtempSync(join(tmpdir(), "lbctl-summary-")), "summary.md");
  writeFileSync(file, "x".repeat(1024 * 1024 - 300));
  appendSummary([{ text: "é".repeat(400), short: "short\n" }], file);
  const text = readFileSync(file, "utf8");
  expect(text).toMatch(/x\nshort\n\nNot all/);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024 * 1024);
});

test("a summary that cannot be written is a warning", () => {
  const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  appendSummary([{ text: "x", short: "" }], "/nowhere/summary.md");
  expect(said.mock.calls.flat().join("")).toMatch(/^! the step summary cannot be written: .*ENOENT.*\n$/);
  said.mockRestore();
});
