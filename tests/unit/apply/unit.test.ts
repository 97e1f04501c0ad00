import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { unitInPerl } from "../../../src/apply/unit.ts";
import { validateFunction } from "../../../src/apply/validate.ts";

const folder = mkdtempSync(join(tmpdir(), "lbctl-unit-"));
const live = "/etc/haproxy/haproxy.cfg";

/** The words with which a candidate is checked where systemctl shows this. */
function words(execStart: string, environment: string, file = ""): string[] {
  const path = join(folder, "default");
  writeFileSync(path, file);
  const shown = [
    `ExecStart={ path=/usr/sbin/haproxy ; argv[]=/usr/sbin/haproxy ${execStart} ; ignore_errors=no ; pid=0 }`,
    `Environment=${environment}`,
    `EnvironmentFiles=${path} (ignore_errors=yes)`,
    "EnvironmentFiles=/nowhere (ignore_errors=yes)",
  ].join("\n");
  const script = `${unitInPerl}
my ($program, $words, $env) = read_unit($ARGV[0]);
my ($new, $found, @others) = with_config($words, "${live}", "CANDIDATE");
print map { "$_\\n" } @$new, "found $found", map { "other $_" } @others;`;
  return execFileSync("perl", ["-e", script, shown]).toString().split("\n").slice(0, -1);
}

const debian = "-Ws -f $CONFIG -p $PIDFILE $EXTRAOPTS";
const debianEnvironment = `CONFIG=${live} PIDFILE=/run/haproxy.pid "EXTRAOPTS=-S /run/haproxy-master.sock"`;
const usual = ["-Ws", "-f", "CANDIDATE", "-p", "/run/haproxy.pid"];

test.each([
  ["as the package ships it", debian, debianEnvironment, "", [...usual, "-S", "/run/haproxy-master.sock"]],
  [
    "with options in its file",
    debian,
    debianEnvironment,
    '# x\nEXTRAOPTS="-de -m 16"\n',
    [...usual, "-de", "-m", "16"],
  ],
  ["with single quotes and space", debian, debianEnvironment, " EXTRAOPTS='-n 7' \n", [...usual, "-n", "7"]],
  ["that is quiet", `-q -D -Ws -f ${live}`, "", "", ["-Ws", "-f", "CANDIDATE"]],
  [
    "that takes over sockets",
    `-Ws -f ${live} -x /run/s -sf 12 13 -L me`,
    "",
    "",
    ["-Ws", "-f", "CANDIDATE", "-L", "me"],
  ],
  ["with a name in braces", "-Ws -f ${DIR}/haproxy.cfg", "DIR=/etc/haproxy", "", ["-Ws", "-f", "CANDIDATE"]],
])("a unit %s", (_, execStart, environment, file, expected) => {
  expect(words(execStart, environment, file)).toEqual([...expected, "found 1"]);
});

test("other files that a unit loads stay, and one that does not load ours is told", () => {
  expect(words(`-Ws -f ${live} -f /etc/haproxy/more.cfg`, "")).toContain("other /etc/haproxy/more.cfg");
  expect(words("-Ws -f /etc/haproxy/", "")).toContain("found 0");
});

test("no text that the shell quotes holds a quote of its own", () => {
  expect(validateFunction.match(/'/g)).toHaveLength(4);
});
