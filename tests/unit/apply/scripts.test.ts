import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hostProgram } from "../../../src/apply/host-program.ts";
import { releaseScript } from "../../../src/apply/release.ts";
import { applyScript, installScript, steps } from "../../../src/apply/steps.ts";
import type { HostPlan } from "../../../src/model/host.ts";
import { generationScript } from "../../../src/observe/generation.ts";
import { historyScript } from "../../../src/observe/history.ts";
import { observeScript } from "../../../src/observe/script.ts";
import { loadRole } from "../../../src/role/load.ts";

const role = await loadRole("haproxy", [join(import.meta.dirname, "../../../roles")]);
const plan: HostPlan = {
  host: "lb",
  changes: true,
  install: [],
  files: [],
  links: [],
  activate: { how: "reload", why: "x" },
  enable: false,
  adopts: false,
  warnings: [],
};
const context = { role, plan, digest: "d", identity: "lbctl:0", from: null, keep: 10 };
const apply = applyScript(context);

test.each([
  ["observe", observeScript(role)],
  ["apply", apply],
  ["rollback", applyScript({ ...context, from: { generation: 2, stays: ["lists"] } })],
  [
    "release",
    releaseScript({ role, digest: "d", purge: true }, { by: "o'hara@x", at: "", lbctl: "", git: null }),
  ],
  ["history", historyScript(role)],
  ["generation", generationScript(role, 2)],
  ["console", hostProgram(role).text],
  ["install", installScript(["haproxy"])],
])("the %s script is POSIX shell", (_, script) => {
  for (const shell of [
    ["dash", "-n"],
    ["bash", "--posix", "-n"],
  ]) {
    const result = spawnSync(shell[0] ?? "", shell.slice(1), { input: script });
    expect(result.stderr.toString()).toBe("");
    expect(result.status).toBe(0);
  }
});

test("nothing that is live is touched before the swap", () => {
  const before = steps.slice(
    0,
    steps.findIndex((step) => step.name === "swap"),
  );
  const text = before.map((step) => step.script(context)).join("\n");
  expect(before.map((step) => step.name)).toEqual(["lock", "stage", "validate", "recheck", "keep"]);
  expect(text).not.toMatch(/(?:mv|rm|ln)\b[^\n]*\$live|systemctl|activate/);
});
