import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { applyScript, installScript, steps } from "../../../src/apply/steps.ts";
import type { HostPlan } from "../../../src/model/host.ts";
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
const apply = applyScript({ role, plan, digest: "d", identity: "lbctl:0", keep: 10 });

test.each([
  ["observe", observeScript(role)],
  ["apply", apply],
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
  const text = before
    .map((step) => step.script({ role, plan, digest: "d", identity: "i", keep: 10 }))
    .join("\n");
  expect(before.map((step) => step.name)).toEqual(["lock", "stage", "validate", "recheck", "keep"]);
  expect(text).not.toMatch(/(?:mv|rm|ln)\b[^\n]*\$live|systemctl|activate/);
});
