import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { gatePlanInPerl } from "../../../src/apply/gate-plan.ts";
import { gateInPerl } from "../../../src/apply/gate.ts";
import { serverStateInPerl } from "../../../src/apply/server-state.ts";

const base = `global
    max-spread-checks 1s
defaults
    timeout connect 1000ms
backend api
    timeout check 2s
    option httpchk
    default-server check inter 5000ms
    server a 10.0.0.1:80
    server b 10.0.0.2:80
backend static
    server c 10.0.0.3:80 check
`;

/** A line of `show servers state`: running (2) or stopped (0), and srv_admin_state. */
const stateOf = (pool: string, server: string, operation: number, admin: number): string =>
  `3 ${pool} 1 ${server} 10.0.0.1 ${String(operation)} ${String(admin)} 1 1 9 6 3 4 6 0 0 0 - 80 - 0 0 - - 0`;

/** What the new worker is to check when the configuration goes from `base` to `next`. */
function planOf(next: string, ...state: string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "lbctl-gate-"));
  writeFileSync(join(folder, "old"), base);
  writeFileSync(join(folder, "new"), next);
  const script = `${serverStateInPerl}${gatePlanInPerl}
my ($state, $old, $new) = @ARGV;
print map { "$_\\n" } gate_plan($state, servers_of($old), servers_of($new), $new);`;
  const args = ["-e", script, ["1", ...state].join("\n"), join(folder, "old"), join(folder, "new")];
  return execFileSync("perl", args).toString().split("\n").filter(Boolean);
}

describe("which checks are waited for", () => {
  const api = (a: string, b: string): string[] => [`server api a ${a} 9000`, `server api b ${b} 9000`];

  test.each([
    ["nothing", base, []],
    ["what no check rests on", base.replace("1000ms", "900ms"), []],
    ["a server that goes", base.replace("    server b 10.0.0.2:80\n", ""), []],
    ["a pool's check", base.replace("option httpchk", "option tcp-check"), api("new", "new")],
    ["one server's port", base.replace("10.0.0.2:80", "10.0.0.2:81"), api("new", "new")],
    ["another pool", base.replace("10.0.0.3:80", "10.0.0.3:81"), ["server static c new 9000"]],
  ])("a change of %s", (_, next, expected) => {
    const long = expected.map((line) => line.replace("static c new 9000", "static c new 7000"));
    expect(planOf(next)).toEqual(long);
  });

  test("what the old worker held of each goes along", () => {
    const next = base.replace("10.0.0.2:80", "10.0.0.2:81");
    expect(planOf(next, stateOf("api", "a", 2, 0), stateOf("api", "b", 0, 0))).toEqual([
      "had api",
      ...api("up", "down"),
    ]);
    expect(planOf(next, stateOf("api", "a", 2, 8), stateOf("api", "b", 2, 1))).toEqual(api("held", "held"));
    // disabled by the configuration, and enabled by hand
    expect(planOf(next, stateOf("api", "gone", 2, 4), stateOf("static", "c", 2, 0))).toEqual([
      "had api",
      ...api("new", "new"),
    ]);
  });

  test("without max-spread-checks, first checks are spread over the interval", () => {
    const next = base.replace("    max-spread-checks 1s\n", "").replace("inter 5000ms", "inter 20s");
    expect(planOf(next)).toContain(`server api a new ${String(20_000 + 1000 + 2000 + 5000)}`);
    expect(planOf(next.replace("inter 20s", "inter 1m"))).toContain("server api a new 40000");
  });
});

interface Told {
  readonly why: string;
  readonly said: readonly string[];
}

const header =
  "# pxname,svname,status,weight,check_status,check_code,check_duration,last_chk,check_desc,addr,tracked,";
const row = (server: string, status: string, check: string, more = "", words = ""): string =>
  `${server.replace("/", ",")},${status},1,${check},${more},0,${words},Layer4 timeout,10.0.0.1:80,,`;
const passed = row("api/a", "UP", "L7OK", "200");

/** What the gate says of a plan when the worker answers like this, one answer after the other. */
function gate(plan: readonly string[], ...answers: (readonly string[])[]): Told {
  const script = `use strict; ${gateInPerl}
my ($plan, @answers) = @ARGV;
sub ask_worker { return (@answers > 1 ? shift @answers : $answers[0]) }
sub told { print "$_[0] $_[1]\\n" }
print "why ", health_gate("lbctl:1", split /\\n/, $plan), "\\n";`;
  const texts = answers.map((rows) => ["Name: HAProxy", "Description: lbctl:1", header, ...rows].join("\n"));
  const lines = execFileSync("perl", ["-e", script, plan.join("\n"), ...texts])
    .toString()
    .split("\nwhy ");
  const [said = "", why = ""] = lines.length > 1 ? lines : ["", (lines[0] ?? "").replace(/^why /, "")];
  return { why: why.trim(), said: said.split("\n").filter(Boolean) };
}

describe("the gate", () => {
  const plan = ["had api", "server api a up 3000", "server api b up 3000"];

  test("opens when each server has passed a check of the new worker's own", () => {
    const first = [passed, row("api/b", "UP", "* INI")];
    const second = [passed, row("api/b", "UP", "* L7OK", "200")];
    expect(gate(plan, first, first, second)).toEqual({ why: "", said: [] });
  });

  test("asks nothing when no pool is touched", () => {
    expect(gate([], [row("api/a", "DOWN", "L4CON")])).toEqual({ why: "", said: [] });
  });

  test("closes at the first failed check of a server that was up, whatever others still wait for", () => {
    const answer = [row("api/a", "UP", "INI"), row("api/b", "UP 2/3", "L7STS", "404", '"Not, ""Found"""')];
    expect(gate(plan, answer).why).toBe(
      'health gate: api/b (10.0.0.1:80) failed its check: L7STS 404 (Not, "Found")',
    );
  });

  test.each(["down", "new", "held"])("tells of a server that fails and was %s, and opens", (was) => {
    const { why, said } = gate(
      ["had api", "server api a up 3000", `server api b ${was} 3000`],
      [passed, row("api/b", "DOWN", "L4TOUT")],
    );
    expect(why).toBe("");
    expect(said).toHaveLength(1);
    expect(said[0]).toContain("api/b (10.0.0.1:80) failed its check: L4TOUT (Layer4 timeout); it ");
  });

  test("closes when a pool that had a usable server has none", () => {
    const failing = row("api/b", "DOWN", "L4CON", "", "Connection refused");
    expect(gate(["had api", "server api b new 3000"], [failing]).why).toBe(
      "health gate: api has no usable server, and had one before\n" +
        "api/b (10.0.0.1:80) failed its check: L4CON (Connection refused)",
    );
    expect(gate(["server api b new 3000"], [failing]).why).toBe("");
    expect(gate(["had api", "server api b down 3000"], [row("api/b", "DOWN 1/2", "L7OK", "200")]).why).toBe(
      "",
    );
    expect(gate(["had api", "server api b held 3000"], [row("api/b", "DRAIN", "L7OK", "200")]).why).not.toBe(
      "",
    );
  });

  test("waits for no server that makes no check", () => {
    const answer = [row("api/a", "no check", ""), row("api/b", "MAINT", "INI")];
    expect(gate(plan, answer)).toEqual({ why: "", said: [] });
  });

  test("names the server whose check never ended", () => {
    const short = ["server api a up 100", "server api b up 100"];
    expect(gate(short, [passed, row("api/b", "UP", "INI")]).why).toBe(
      "health gate: api/b (10.0.0.1:80) completed no check within 0 s",
    );
    const isNew = ["server api a up 100", "server api b new 100"];
    expect(gate(isNew, [passed, row("api/b", "UP", "INI")])).toEqual({
      why: "",
      said: ["note api/b (10.0.0.1:80) completed no check within 0 s; it is new"],
    });
  });

  test("closes when nothing is said of the servers", () => {
    const script = `use strict; ${gateInPerl}
sub ask_worker { return "Description: lbctl:1\\nUnknown command\\n" }
print health_gate("lbctl:1", "server api a up 3000");`;
    expect(execFileSync("perl", ["-e", script]).toString()).toContain("does not tell of its servers");
  });

  test("closes when another configuration runs", () => {
    const script = `use strict; ${gateInPerl}
sub ask_worker { return "Description: lbctl:2\\n${header}\\n${passed}\\n" }
print health_gate("lbctl:1", "server api a up 3000");`;
    expect(execFileSync("perl", ["-e", script]).toString()).toContain("does not run the new configuration");
  });

  test("waits while the old worker still takes connections", () => {
    const script = `use strict; ${gateInPerl}
my $asked = 0;
sub ask_worker { return "Description: lbctl:" . ($asked++ < 2 ? 1 : 2) . "\\n${header}\\n${passed}\\n" }
print health_gate("lbctl:2", "server api a up 3000"), " after $asked";`;
    expect(execFileSync("perl", ["-e", script]).toString()).toBe(" after 3");
  });
});
