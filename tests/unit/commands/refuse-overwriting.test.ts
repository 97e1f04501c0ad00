import { join } from "node:path";
import { expect, test } from "vitest";
import type { ChangeOptions } from "../../../src/commands/change.ts";
import { refuseOverwriting } from "../../../src/commands/refuse-overwriting.ts";
import { LbctlError } from "../../../src/errors.ts";
import type { HostPlan } from "../../../src/model/host.ts";
import { loadRole } from "../../../src/role/load.ts";

const role = await loadRole("haproxy", [join(import.meta.dirname, "../../../roles")]);
const plan: HostPlan = {
  host: "lb-1",
  changes: true,
  install: [],
  files: [],
  links: [],
  activate: null,
  enable: false,
  dropIn: null,
  generation: 3,
  adopts: false,
  drift: [],
  warnings: [],
};
const options: ChangeOptions = { forks: 1, transport: "auto", input: true };
const taken = { ...plan, generation: null, adopts: true };
const edited = { ...plan, drift: ["haproxy.cfg", "lists/a.list"] };
const replaced = { ...edited, links: ["haproxy.cfg", "lists"] };

/** What is said, or null when nothing is refused. */
function refused(
  plans: readonly HostPlan[],
  more: Partial<ChangeOptions> = {},
  words: readonly string[] = ["apply"],
): string | null {
  try {
    refuseOverwriting(plans, role, { ...options, ...more }, words);
    return null;
  } catch (error) {
    if (!(error instanceof LbctlError)) throw error;
    expect(error.code).toBe("invalid");
    return error.problems.map(({ what, hint }) => `${what}. ${hint ?? ""}`).join("\n");
  }
}

test.each<[string, HostPlan, readonly string[]]>([
  ["nothing by hand", plan, []],
  ["a configuration of one's own", taken, ["--adopt"]],
  ["an edit", edited, ["--force"]],
  ["a file and a folder in links' places", replaced, ["--force", "--adopt"]],
  ["a file in a link's place, and an edit", { ...edited, links: ["haproxy.cfg"] }, ["--force"]],
])("%s: who says so goes on", (_, one, needed) => {
  expect(refused([one]) === null).toBe(needed.length === 0);
  for (const flag of ["adopt", "force"] as const) {
    const enough = needed.length === 0 || needed.includes(`--${flag}`);
    expect(refused([one], { [flag]: true }) === null).toBe(enough);
  }
});

test("each host is told of, with the same command to go on", () => {
  const words = ["apply", "-i", "in ven.yml", "--serial", "1", "-e", "password=secret", "-e", "@more.yml"];
  const text = refused([edited, { ...taken, host: "lb-2" }], {}, words);
  expect(text).toContain("haproxy.cfg and 1 more were edited by hand in /etc/haproxy since generation 3");
  expect(text).toContain("`lbctl apply -i 'in ven.yml' --serial 1 -e … -e @more.yml --adopt --force`");
  expect(text).toContain("/etc/haproxy holds a configuration of your own");
  expect(text).not.toContain("secret");
  expect(refused([edited, taken], { adopt: true }, ["apply", "--adopt"])).toContain(
    "`lbctl apply --adopt --force`",
  );
});

test("programs get the diff of what would be overwritten, and no other", () => {
  const file = (path: string, drift: boolean) => ({
    path,
    action: "update" as const,
    diff: `--- ${path}\n`,
    note: null,
    drift,
  });
  const files = [file("haproxy.cfg", true), file("lists/b.list", false)];
  const diffs = (one: HostPlan): unknown => {
    try {
      refuseOverwriting([one], role, options, []);
      return null;
    } catch (error) {
      return error instanceof LbctlError ? error.problems.map(({ diff }) => diff) : error;
    }
  };
  expect(diffs({ ...edited, files })).toEqual(["--- haproxy.cfg\n"]);
  expect(diffs({ ...taken, files })).toEqual(["--- haproxy.cfg\n--- lists/b.list\n"]);
});
