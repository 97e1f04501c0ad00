import { join } from "node:path";
import { expect, test } from "vitest";
import { notEmpty, overruled } from "../../../src/commands/drain-errors.ts";
import { drainSeconds, refuseOptions, type DrainOptions } from "../../../src/commands/drain-options.ts";
import { loadProject } from "../../../src/commands/project.ts";
import type { Host } from "../../../src/model/fleet.ts";
import { goldenInventory } from "../../support/goldens.ts";
import { lbctl, root } from "../../support/lbctl.ts";
import { present } from "../../support/present.ts";

const options = (over: Partial<DrainOptions>): DrainOptions => ({
  inventory: [goldenInventory("two-pools")],
  forks: 1,
  transport: "openssh",
  input: false,
  ...over,
});

test.each([
  ["--maint without a wait", { wait: false, maint: true }, "--maint says what comes after the wait"],
  ["--timeout without a wait", { wait: false, timeout: 5 }, "--timeout says what comes after the wait"],
  ["a time that ends with the wait", { maint: true, for: 5, timeout: 5 }, "the wait takes 5 s"],
  ["a time that ends within the default wait", { maint: true, for: 30 }, "the wait takes 30 s"],
])("%s is refused as usage", async (_, over, words) => {
  const { hosts } = await loadProject(options({}));
  expect(() => {
    refuseOptions(options(over), hosts);
  }).toThrow(words);
});

test.each([{ wait: false }, { maint: true, for: 31 }, { for: 5, timeout: 5 }, { maint: true, timeout: 5 }])(
  "%j is none of that",
  async (over) => {
    const { hosts } = await loadProject(options({}));
    refuseOptions(options(over), hosts);
  },
);

test("the wait is as long as the longest of the load balancers, or as it is told", async () => {
  const { hosts } = await loadProject(options({}));
  const [first] = hosts;
  const patient = {
    ...present(first),
    vars: { haproxy_graceful_drain_seconds: { value: 90 } },
  } as unknown as Host;
  expect(drainSeconds({}, [...hosts, patient])).toBe(90);
  expect(drainSeconds({ timeout: 4 }, [...hosts, patient])).toBe(4);
});

const load = { sessions: 0, oldSessions: 1, silent: [], total: 0, up: [] };

test("maintenance is not proposed for what an old worker has", () => {
  const hint = (sessions: number, arrived: number) =>
    notEmpty("lb-1", ["api/a"], true, { end: "deadline", load: { ...load, sessions }, arrived }).problems[0]
      ?.hint;
  expect(hint(0, 0)).toBe("`lbctl ready api/a` gives the load back.");
  expect(hint(1, 0)).toContain("`lbctl maint api/a` moves pinned clients");
  expect(hint(0, 1)).toContain("`lbctl maint api/a` moves pinned clients");
});

test("a worker that does not answer is told at the deadline", () => {
  const silent = { ...load, oldSessions: 0, silent: ["504"] };
  expect(notEmpty("lb-1", ["api/a"], false, { end: "deadline", load: silent, arrived: 0 }).message).toBe(
    "lb-1: left at the deadline: 0 sessions; not known of worker 504 from before a reload, which does not answer",
  );
});

test.each([
  ["maint", "MAINT", null],
  ["maint", "MAINT (via api/b)", null],
  ["maint", "DRAIN 1/3", "busy"],
  ["drain", "DOWN", null],
  ["drain", "UP", "busy"],
  ["ready", "MAINT", null],
] as const)("%s that reads back as %s at the end", (state, status, code) => {
  const error = overruled("lb-1", state, ["api/a"], [{ name: "api/a", status }]);
  expect(error?.code ?? null).toBe(code);
  expect(overruled("lb-1", state, [], [{ name: "api/a", status }])).toBeNull();
});

test.each(["a\u2028b", "a\u202Eb", "a\u2029b", "a\nb", "a\u0007b"])("%j is no reason", async (reason) => {
  const inventory = join(root, "inventories/example");
  const { code, stderr } = await lbctl(["maint", "x", "-i", inventory, "--reason", reason]);
  expect(code).toBe(3);
  expect(stderr).toContain("It must be one line of 200 characters at most");
});
