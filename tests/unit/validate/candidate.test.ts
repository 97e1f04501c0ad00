import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readCandidate } from "../../../src/validate/candidate.ts";
import { goldens, goldenSet } from "../../support/goldens.ts";

const nothing = { ports: [], foreignAddresses: [], foreignVariable: null };

/** Texts of what is refused in a configuration whose frontends have these binds, one each. */
function refused(...binds: string[]): string[] {
  const config = binds.map((bind, index) => `frontend f${String(index)}\n    bind ${bind}\n`).join("");
  return readCandidate(config, nothing).findings.map(({ line, text }) => `${String(line)}: ${text}`);
}

test.each([
  [":80", ":80"],
  [":80", "*:80"],
  [":80", "0.0.0.0:80"],
  [":80", "10.0.0.1:80"],
  ["10.0.0.1:80", "ipv4@10.0.0.1:80 ssl crt x"],
  [":80", ":::80 v4v6"],
  [":::80", "10.0.0.1:80"],
  ["[::]:80 v6only", "[2001:db8::1]:80"],
  ["[2001:db8::1]:80", "[2001:DB8:0::1]:80"],
  ["10.0.0.1:80", "[::ffff:10.0.0.1]:80"],
  [":8000-8010", "127.0.0.1:8005"],
  ["10.0.0.1:80,10.0.0.2:80", "10.0.0.2:80"],
  [":80 interface eth0", ":80"],
  ["quic4@:443", "udp@:443"],
  ["lb.example.net:80", "lb.example.net:80"],
])("%s and %s are one place", (first, second) => {
  expect(refused(first, second)).toEqual([expect.stringMatching(/^4: frontend f1 binds .* on line 2;/)]);
});

test.each([
  [":80", ":81"],
  ["10.0.0.1:80", "10.0.0.2:80"],
  [":80", "[::]:80 v6only"],
  ["10.0.0.1:80", "[2001:db8::1]:80"],
  [":443 ssl crt x", "quic4@:443 ssl crt x"],
  [":80 interface eth0", ":80 interface eth1"],
  [":80 namespace a", ":80"],
  ["/run/haproxy/a.sock", "/run/haproxy/b.sock"],
  ['"${WHERE}:80"', ":80"],
])("%s and %s are two places", (first, second) => {
  expect(refused(first, second)).toEqual([]);
});

test("one section may share an address between its threads, and a socket's path is bound once", () => {
  const shared = "frontend f\n  bind :80 thread 1\n  bind :80 thread 2\n";
  expect(readCandidate(shared, nothing).findings).toEqual([]);
  expect(refused("/run/a.sock", "unix@/run/a.sock")).toEqual(["4: the socket of line 2 is bound once more"]);
});

test("what HAProxy may pass over is not counted twice, nor a bind in a comment or in quotes", () => {
  const config = `frontend a
    bind :80 # bind :81
.if defined(X)
    bind :80
.endif
    bind "127.0.0.1:82"
listen b
    bind 127.0.0.1:8\\2
`;
  expect(readCandidate(config, nothing).findings.map(({ line }) => line)).toEqual([8]);
});

const expected = {
  ports: [
    { variable: "haproxy_listen_http", port: 80 },
    { variable: "haproxy_stats_port", port: 9100 },
  ],
  foreignAddresses: ["10.0.0.9", "2001:db8::9"],
  foreignVariable: "haproxy_foreign_addresses",
};

test.each(goldens)("the golden files of %s have the listeners that they should", (name) => {
  const config = readFileSync(join(goldenSet(name), "haproxy.cfg"), "utf8");
  const port = Number(/bind 127\.0\.0\.1:(\d+)/.exec(config)?.[1] ?? 9100);
  const ports = [{ variable: "haproxy_stats_port", port }];
  expect(readCandidate(config, { ...nothing, ports }).findings).toEqual([]);
});

test("a configuration that was cut off misses listeners, wherever it was cut", () => {
  const config = readFileSync(join(goldenSet("two-pools"), "haproxy.cfg"), "utf8");
  const lines = config.split("\n");
  const last = lines.findIndex((line) => /^\s*bind .*:9100/.test(line));
  for (let end = 0; end <= last; end += 1) {
    const { findings } = readCandidate(`${lines.slice(0, end).join("\n")}\n`, expected);
    expect(findings.flatMap(({ variables }) => variables ?? [])).toContain("haproxy_stats_port");
  }
  expect(readCandidate("", expected).findings).toHaveLength(2);
});

test("a frontend without a bind is refused, a backend is not", () => {
  const { findings } = readCandidate("frontend web\n  mode http\nbackend api\n", nothing);
  expect(findings).toEqual([expect.objectContaining({ step: "listeners", line: 1 })]);
});

test("what the target needs to know is one fact a line", () => {
  const config = `global
    stats socket /run/haproxy/admin.sock mode 660
    log /dev/log local0
    log 127.0.0.1:514 local0
    chroot /var/lib/haproxy
frontend web
    bind :80
    bind [2001:db8::1]:443 transparent interface eth1
    bind fd@3
backend api
    server a api.example.net:80
    server b 10.0.0.1:80
`;
  expect(readCandidate(config, expected).expectations.split("\n")).toEqual([
    "bind 7 tcp 4 00000000 80 80 0 0 -",
    "bind 8 tcp 6 20010db8000000000000000000000001 443 443 0 1 eth1",
    "stats 2 /run/haproxy/admin.sock",
    "hide /dev/log",
    "hide /var/lib/haproxy/dev/log",
    "resolve api.example.net",
    "leave 9",
    "leave 8",
    "port 80 haproxy_listen_http",
    "port 9100 haproxy_stats_port",
    "foreign 0a000009",
    "foreign 20010db8000000000000000000000009",
    "foreign-by haproxy_foreign_addresses",
    "probe 7 connect 00000000 80 frontend web",
    "",
  ]);
});

test("a socket whose path only the host knows leaves no place for a dry boot", () => {
  const config = 'global\n    stats socket "${RUNTIME}/admin.sock"\n';
  expect(readCandidate(config, nothing).expectations).toContain("unsure ");
});
