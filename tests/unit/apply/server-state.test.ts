import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { serverStateInPerl } from "../../../src/apply/server-state.ts";

const base = `global
    description lbctl:1
defaults
    timeout check 2s
    option httplog
backend api
    option httpchk
    http-check send meth GET uri /health
    default-server check inter 1s
    server a 10.0.0.1:80 id 1
    server b 10.0.0.2:80 id 2
backend ws
    server a 10.0.0.1:80 id 1 track api/a
backend static
\tserver c 10.0.0.3:80   id 3
frontend web
    option log-separate-errors
    bind :80
`;

/** The servers that a state file may speak of when the configuration goes from `base` to `next`. */
function unchanged(next: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), "lbctl-state-"));
  writeFileSync(join(folder, "old"), base);
  writeFileSync(join(folder, "new"), next);
  const script = `${serverStateInPerl}
my ($old, $new) = map { servers_of($_) } @ARGV;
print map { "$_\\n" } sort grep { $old->{$_} eq ($new->{$_} // "") } keys %$old;`;
  return execFileSync("perl", ["-e", script, join(folder, "old"), join(folder, "new")])
    .toString()
    .split("\n")
    .filter(Boolean);
}

const all = ["api a", "api b", "static c", "ws a"];

test.each([
  ["nothing", base, all],
  ["what no check rests on", base.replace("option httplog", "option dontlognull"), all],
  ["white space, comments and indentation", base.replace("    server a", "  # x\n\nserver\ta"), all],
  [
    "a server's address, and so what tracks it",
    base.replace("10.0.0.1:80 id 1\n", "10.0.0.9:80 id 1\n"),
    all.slice(1, 3),
  ],
  ["a pool's check", base.replace("/health", "/ready"), ["static c"]],
  ["a pool's default-server", base.replace("inter 1s", "inter 2s"), ["static c"]],
  ["the check timeout of all", base.replace("check 2s", "check 3s"), []],
  ["a server's name", base.replace("server c ", "server d "), ["api a", "api b", "ws a"]],
  ["a pool's name", base.replace("backend static", "backend files"), ["api a", "api b", "ws a"]],
  ["an order of pools", base.replace("backend static", "backend new\nbackend static"), all],
])("a change of %s", (_, next, expected) => {
  expect(unchanged(next)).toEqual(expected);
});

/** A line of `show servers state`, format 1. */
const stateOf = (server: string, address: string, admin: number, port: number): string =>
  `3 api 1 ${server} ${address} 2 ${String(admin)} 1 1 9 6 3 4 6 0 0 0 - ${String(port)} - 0 0 - - 0`;

function perl(script: string, ...args: string[]): string {
  return execFileSync("perl", ["-e", `${serverStateInPerl}\n${script}`, ...args]).toString();
}

/** What of a state goes over to `next`, and what is said to the new worker. */
function carriedTo(next: string, ...lines: string[]): { lines: string[]; commands: string[] } {
  const folder = mkdtempSync(join(tmpdir(), "lbctl-state-"));
  writeFileSync(join(folder, "old"), base);
  writeFileSync(join(folder, "new"), next);
  const script = `my ($state, @sets) = @ARGV;
my ($lines, @commands) = state_for($state, map { servers_of($_) } @sets); print join("\\n", @$lines, "--", @commands)`;
  const state = ["1", ...lines].join("\n");
  const [kept = "", said = ""] = perl(script, state, join(folder, "old"), join(folder, "new")).split("--");
  return { lines: kept.trim().split("\n").slice(1), commands: said.trim().split("\n").filter(Boolean) };
}

const carried = (...lines: string[]): ReturnType<typeof carriedTo> => carriedTo(base, ...lines);

/** The line as the new worker gets it: without a result of the old worker's check. */
const untested = (line: string): string => line.replace(" 9 6 3 ", " 9 1 0 ");

test("a server keeps its state where the configuration has it, but no result of a check", () => {
  const a = stateOf("a", "10.0.0.1", 8, 80);
  expect(untested(a)).not.toBe(a);
  expect(carried(a)).toEqual({ lines: [untested(a)], commands: [] });
});

test("with another check, a server that is up stays up until that has failed as often as it takes", () => {
  const up = stateOf("a", "10.0.0.1", 0, 80);
  const down = stateOf("b", "10.0.0.2", 0, 80).replace("10.0.0.2 2", "10.0.0.2 0");
  expect(carriedTo(base.replace("/health", "/ready"), up, down).lines).toEqual([untested(up)]);
  const words = up.split(" ");
  const weak = [...words.slice(0, 12), "2", ...words.slice(13)].join(" ");
  const carriedOver = carriedTo(base.replace("/health", "/ready"), weak).lines[0] ?? "";
  expect(carriedOver.split(" ")[12]).toBe("4");
  expect(carriedTo(base.replace("check inter 1s", "check port 81"), up).lines).toEqual([]);
  // as does one with another count or time, whose new count is what matters
  const patient = base.replace("check inter 1s", "check inter 5s fall 4 rise 3 slowstart 9s");
  expect(carriedTo(patient, up).lines[0]?.split(" ")[12]).toBe("6");
});

test.each([
  ["port", stateOf("a", "10.0.0.1", 8, 81)],
  ["address", stateOf("a", "10.0.0.9", 8, 80)],
])("loaded by hand with another %s, only its drain goes over", (_, line) => {
  expect(carried(line)).toEqual({ lines: [], commands: ["set server api/a state drain"] });
});

test.each([
  [1, ["set server api/gone state maint"]],
  [9, ["set server api/gone state drain", "set server api/gone state maint"]],
  [5, []],
  [4, []],
  [0, []],
])("administrative state %i of a server that changed says %j", (admin, commands) => {
  expect(carried(stateOf("gone", "10.0.0.1", admin, 80)).commands).toEqual(commands);
});

test.each([
  ["    description lbctl:1", "lbctl:1"],
  ["\tdescription one  two # three", "one two"],
  ['  description "one  # two"', "one  # two"],
  ["  description it\\'s\\ 'so # so'", "it's so # so"],
  ["  # description x", ""],
])("a configuration that says %j calls itself %j", (line, expected) => {
  const folder = mkdtempSync(join(tmpdir(), "lbctl-state-"));
  writeFileSync(
    join(folder, "cfg"),
    `defaults\n  mode http\nglobal\n${line}\nfrontend f\n  description other\n`,
  );
  expect(perl("print described($ARGV[0])", join(folder, "cfg"))).toBe(expected);
});
