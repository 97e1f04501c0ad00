import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hostProgram } from "../../../src/apply/host-program.ts";
import { releaseScript } from "../../../src/apply/release.ts";
import { confirmScript } from "../../../src/apply/pending.ts";
import { applyScript, installScript, steps } from "../../../src/apply/steps.ts";
import type { HostPlan } from "../../../src/model/host.ts";
import { breakScript } from "../../../src/apply/break-lease.ts";
import { makeClaim, underLease } from "../../../src/apply/lease.ts";
import { leaseScript } from "../../../src/observe/lease.ts";
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
  dropIn: "create",
  generation: null,
  adopts: false,
  drift: [],
  warnings: [],
};
const commit = { token: "0a", confirmSeconds: 30, by: "o'hara@x", at: "" };
const context = {
  role,
  plan,
  digest: "d",
  identity: "lbctl:0",
  from: null,
  ownCerts: [],
  keep: 10,
  isGated: true,
  isEdited: false,
  commit,
};
const apply = applyScript(context);

const scripts: [string, string][] = [
  ["observe", observeScript(role)],
  ["apply", apply],
  ["rollback", applyScript({ ...context, from: { generation: 2, stays: ["lists"], carries: true } })],
  [
    "release",
    releaseScript({ role, digest: "d", purge: true }, { by: "o'hara@x", at: "", lbctl: "", git: null }),
  ],
  ["confirm", confirmScript(role.state, role.service, "0a", 30)],
  ["leased", underLease(apply, "/run/lbctl/haproxy", makeClaim("o'hara@x", "apply"))],
  ["lease", leaseScript("/run/lbctl/haproxy", "/var/lib/lbctl/haproxy", "haproxy")],
  ["break", breakScript("/run/lbctl/haproxy", "0", "o'hara@x")],
  ["history", historyScript(role)],
  ["generation", generationScript(role, 2)],
  ["console", hostProgram(role).text],
  ["install", installScript(["haproxy"])],
];

test.each(scripts)("the %s script is POSIX shell", (_, script) => {
  for (const shell of [
    ["dash", "-n"],
    ["bash", "--posix", "-n"],
  ]) {
    const result = spawnSync(shell[0] ?? "", shell.slice(1), { input: script });
    expect(result.stderr.toString()).toBe("");
    expect(result.status).toBe(0);
  }
});

test("a deadline on a host does not rest on the time of day", () => {
  // a time that is added to, or compared, is a deadline; the journal is asked by its own stamps
  const ofTheDay = /\btime\b(?:\(\))?\s*(?:[+<>]|>=|<=)|\bdate \+%s|\$EPOCH|\blocaltime\b/;
  expect(`my $until = time + 15;`).toMatch(ofTheDay);
  for (const [name, script] of scripts) expect(ofTheDay.exec(script)?.[0], name).toBeUndefined();
});

test("nothing that is live is touched before the swap", () => {
  const before = steps.slice(
    0,
    steps.findIndex((step) => step.name === "swap"),
  );
  const text = before.map((step) => step.script(context)).join("\n");
  expect(before.map((step) => step.name)).toEqual([
    ...["lease", "lock", "stage", "validate", "recheck", "keep", "guard"],
  ]);
  expect(text).not.toMatch(/(?:mv|rm|ln)\b[^\n]*\$live|systemctl|activate/);
});
