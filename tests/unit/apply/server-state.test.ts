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
