import { expect, test } from "vitest";
import { instanceArguments } from "../../../src/remote/instance.ts";
import { sshArguments } from "../../../src/remote/openssh.ts";
import { quote } from "../../../src/remote/shell.ts";
import { explainSshFailure } from "../../../src/remote/ssh-failure.ts";

const connection = {
  kind: "ssh" as const,
  address: "lb.example",
  port: 2222,
  user: "deploy",
  keyFile: "/keys/id",
  sshArgs: ["-o", "UserKnownHostsFile=/known"],
  become: true,
};

test("the connection's settings become words of the argument vector, the operator's own last", () => {
  const args = sshArguments(connection);
  expect(args.slice(-8)).toEqual([
    ...["-p", "2222", "-l", "deploy", "-i", "/keys/id"],
    ...["-o", "UserKnownHostsFile=/known"],
  ]);
});

test("ssh never asks, and never turns host keys off", () => {
  const args = sshArguments(connection).join(" ");
  expect(args).toContain("BatchMode=yes");
  expect(args).not.toMatch(/StrictHostKeyChecking/);
});

test.each([
  ["plain", "'plain'"],
  ["it's", `'it'\\''s'`],
  ["$(reboot)", "'$(reboot)'"],
])("%s is one word for a shell", (word, quoted) => {
  expect(quote(word)).toBe(quoted);
});

test.each([
  ["ssh: connect to host lb port 22: Connection refused", /cannot be reached: .*Connection refused/],
  ["deploy@lb: Permission denied (publickey).", /deploy@lb.example:2222 refused the login with \/keys\/id/],
  ["Host key verification failed.", /host key of .* is unknown/],
  [
    "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nOffending ED25519 key in /h/known_hosts:7\nHost key verification failed.",
    /not the one that is known \(\/h\/known_hosts:7\)/,
  ],
  ["kex_exchange_identification: Connection closed by remote host", /closed the connection before the login/],
  ["WARNING: REVOKED HOST KEY DETECTED!\nHost key verification failed.", /is revoked/],
])("ssh's %j is explained", (stderr, expected) => {
  const problem = explainSshFailure(connection, { said: stderr, began: false, cause: "ssh ended with 255" });
  expect(problem.what).toMatch(expected);
  expect(problem.hint).toBeTruthy();
});

test("an instance is entered by a vector of words, its name behind the remote", () => {
  const instance = { kind: "lxd" as const, remote: "far", project: "p", instance: "web-1", become: false };
  expect(instanceArguments(instance, "exec x; y")).toEqual([
    ...["exec", "far:web-1", "--project", "p", "--force-noninteractive"],
    ...["--", "/bin/sh", "-c", "exec x; y"],
  ]);
});

test("hosts that differ in anything but their name never share a connection", () => {
  const path = (over: Partial<typeof connection>) =>
    sshArguments({ ...connection, ...over }).find((word) => word.startsWith("ControlPath="));
  expect(path({})).toBe(path({}));
  expect(path({ sshArgs: ["-o", "ProxyJump=a"] })).not.toBe(path({ sshArgs: ["-o", "ProxyJump=b"] }));
  expect(path({ keyFile: "/keys/other" })).not.toBe(path({}));
});
