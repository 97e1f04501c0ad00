import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { instanceArguments } from "../../../src/remote/instance.ts";
import { sshArguments } from "../../../src/remote/openssh.ts";
import { quote } from "../../../src/remote/shell.ts";
import { byHand, explainSshFailure, nameTarget } from "../../../src/remote/ssh-failure.ts";

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
  expect(args).toContain("NoHostAuthenticationForLocalhost=no");
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
  ["Bad server host key: Invalid key length", /shorter than RequiredRSASize/],
  [
    "Permissions 0644 for '/k/id' are too open.\ndeploy@lb: Permission denied (publickey).",
    /too open: \/k\/id/,
  ],
  [
    "Warning: Identity file /k/no not accessible: No such file or directory.\ndeploy@lb: Permission denied (publickey).",
    /refused the login, and there is no key file \/k\/no/,
  ],
  [
    "Received disconnect from 192.0.2.1 port 22:2: Too many authentication failures\r\nDisconnected",
    /too many keys/,
  ],
  ["No user exists for uid 12345", /ssh does not run here: No user exists for uid 12345/],
  [
    "mux_client_request_session: session request failed: Session open refused by peer\r\nFailed to connect to new control master",
    /sshd opens no session/,
  ],
])("ssh's %j is explained", (stderr, expected) => {
  const lost = { said: stderr, printed: "", began: false, cause: "ssh ended with 255" };
  const problem = explainSshFailure(connection, lost);
  expect(problem.what).toMatch(expected);
  expect(problem.hint).toBeTruthy();
});

const closed = "kex_exchange_identification: Connection closed by remote host\r\n";
const ended = `${closed}Connection closed by UNKNOWN port 65535`;
test.each<[string, RegExp, boolean]>([
  ["", /deploy@lb.example:2222 closed the connection before the login/, true],
  [
    "ssh: connect to host j port 22: Connection refused\r\n",
    /through its jump host or ProxyCommand: ssh: connect/,
    false,
  ],
  [
    "channel 0: open failed: connect failed: Connection refused\r\nstdio forwarding failed\r\n",
    /jump host or ProxyCommand: channel 0: open failed: connect failed: Connection refused$/,
    false,
  ],
  [
    "me@j: Permission denied (publickey).\r\n",
    /the jump host of \S+ refused the login: me@j: Permission/,
    false,
  ],
  ["Host key verification failed.\r\n", /host key of the jump host of \S+ is unknown/, false],
  [
    "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\nOffending ED25519 key in /h/known_hosts:7\r\n",
    /host key of the jump host of \S+ is not the one that is known \(\/h\/known_hosts:7\)/,
    false,
  ],
  [`${closed}Connection closed by 192.0.2.9 port 22\r\n`, /through its jump host .* 192.0.2.9 port 22/, true],
])("what ends on the way, after %j, is told from the host's own doing", (before, expected, again) => {
  const lost = { said: `${before}${ended}`, printed: "", began: false, cause: "ssh ended with 255" };
  const problem = explainSshFailure(connection, lost);
  expect(problem.what).toMatch(expected);
  expect(problem.hint).toBeTruthy();
  expect(problem.again ?? false).toBe(again);
});

test.each([
  ["rbash: line 1: exec: restricted", "", "rbash: line 1: exec: restricted"],
  ["", "This account is currently not available.", "This account is currently not available."],
  ["", "", "ssh ended with 1"],
])("a login that runs something else is no host that cannot be reached", (said, printed, expected) => {
  const problem = explainSshFailure(connection, { said, printed, began: false, cause: "ssh ended with 1" });
  expect(problem.what).toBe(
    `deploy@lb.example:2222 lets you in, but does not run lbctl's script: ${expected}`,
  );
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

test.each<[string | undefined, string, number | undefined, string]>([
  [undefined, "lb", undefined, "ssh lb"],
  ["me", "lb", 2222, "ssh -p 2222 me@lb"],
  ["me", "2001:db8::1", undefined, "ssh me@2001:db8::1"],
  [undefined, "2001:db8::1", 2222, "ssh -p 2222 2001:db8::1"],
])("%s on %s, port %s, is reached by hand", (user, host, port, command) => {
  expect(byHand(nameTarget(user, host, port))).toBe(command);
});

test.each<[string, (folder: string) => void]>([
  [
    "a link",
    (folder) => {
      symlinkSync(mkdtempSync(join(tmpdir(), "lbctl-planted-")), folder);
    },
  ],
  [
    "a link to nowhere",
    (folder) => {
      symlinkSync("/nowhere", folder);
    },
  ],
  [
    "a folder that others may write to",
    (folder) => {
      mkdirSync(folder);
      chmodSync(folder, 0o777);
    },
  ],
  [
    "a file",
    (folder) => {
      writeFileSync(folder, "");
    },
  ],
])("%s in the place of the folder for ssh's sockets is refused", (_, plant) => {
  const runtime = mkdtempSync("/tmp/lb-");
  plant(join(runtime, "lbctl"));
  vi.stubEnv("XDG_RUNTIME_DIR", runtime);
  expect(() => sshArguments(connection)).toThrow("must be yours alone");
  vi.unstubAllEnvs();
});
