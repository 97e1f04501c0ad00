import { execFileSync } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { preflightInPerl } from "../../../src/apply/preflight.ts";

// Printed by ss -Htulne of iproute2 6.1.
const held = `udp UNCONN 0      0      0.0.0.0:443  0.0.0.0:* ino:10 sk:38 cgroup:/a <->
tcp LISTEN 0      128      0.0.0.0:22   0.0.0.0:* ino:11 sk:39 cgroup:/system.slice/ssh.service <->
tcp LISTEN 0      128    10.0.0.1:8080   0.0.0.0:* ino:12 sk:3a cgroup:/b <->
tcp LISTEN 0      128      [::]:48443      [::]:* ino:13 sk:3b cgroup:/c v6only:1 <->
tcp LISTEN 0      128         *:8444         *:* ino:14 sk:3c cgroup:/c v6only:0 <->
tcp LISTEN 0      128    0.0.0.0%eth7:8445  0.0.0.0:* ino:15 sk:3d cgroup:/c <->
tcp LISTEN 0      128   [2001:db8::1]:8446      [::]:* ino:16 sk:3e cgroup:/c v6only:1 <->
`;

/** What the preflight says of these binds, on a host where no HAProxy runs. */
function refused(...binds: string[]): string {
  const script = `${preflightInPerl}
print join " ", map { "$_->[0]: $_->[1]" } preflight($ARGV[0], 0, @ARGV[1 .. $#ARGV]);`;
  return execFileSync("perl", ["-e", script, "--", held, ...binds], {
    stdio: ["ignore", "pipe", "ignore"],
  }).toString();
}

test.each([
  ["the wildcard where one address is taken", "bind 3 tcp 4 00000000 8080 8080 0 0 -", true],
  ["an address where the wildcard is taken", "bind 3 tcp 4 7f000001 22 22 0 0 -", true],
  ["a range", "bind 3 tcp 4 00000000 20 30 0 0 -", true],
  ["IPv4 where the IPv6 wildcard takes both", "bind 3 tcp 4 00000000 8444 8444 0 0 -", true],
  ["both where IPv6 is taken", `bind 3 tcp 6 ${"0".repeat(32)} 48443 48443 1 0 -`, true],
  ["one address of IPv6", "bind 3 tcp 6 20010db8000000000000000000000001 8446 8446 0 0 -", true],
  ["all devices where one is taken", "bind 3 tcp 4 00000000 8445 8445 0 0 -", true],
  ["QUIC where UDP is taken", "bind 3 udp 4 00000000 443 443 0 0 -", true],
  ["IPv4 where only IPv6 is taken", "bind 3 tcp 4 00000000 48443 48443 0 0 -", false],
  ["TCP where UDP is taken", "bind 3 tcp 4 00000000 38443 38443 0 0 -", false],
])("%s", (_, bind, isTaken) => {
  if (isTaken) expect(refused(bind)).toMatch(/^3: it is taken: another program listens there$/);
  else expect(refused(bind)).toBe("");
});

test("the kernel is asked of a port that nobody seems to listen on", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = String((server.address() as AddressInfo).port);
  expect(refused(`bind 3 tcp 4 00000000 ${port} ${port} 0 0 -`)).toBe(`3: port ${port} is taken`);
  server.close();
});

test("an interface that is not there", () => {
  expect(refused("bind 3 tcp 4 00000000 38080 38080 0 0 eth99")).toBe("3: this host has no interface eth99");
});
