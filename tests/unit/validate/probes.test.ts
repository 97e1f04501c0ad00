import { expect, test } from "vitest";
import { readCandidate } from "../../../src/validate/candidate.ts";

/** The facts of what is tried, of a configuration and the addresses that may be foreign. */
function probes(config: string, ...foreignAddresses: string[]): string[] {
  const { expectations } = readCandidate(config, {
    ports: [],
    foreignAddresses,
    foreignVariable: null,
  });
  return expectations.split("\n").filter((line) => line.startsWith("probe "));
}

const defaults = "defaults\n  mode http\n";

test.each([
  ["a plain bind", "frontend f\n bind :80", ["probe 4 http 00000000 80 frontend f"]],
  ["TLS", "frontend f\n bind 10.0.0.1:443 ssl crt x", ["probe 4 connect 0a000001 443 frontend f"]],
  ["the PROXY protocol", "listen f\n bind :80 accept-proxy", ["probe 4 connect 00000000 80 listen f"]],
  ["another mode", "frontend f\n bind :80\n mode tcp", ["probe 4 connect 00000000 80 frontend f"]],
  [
    "a rule",
    "frontend f\n bind :80\n http-request silent-drop if x",
    ["probe 4 connect 00000000 80 frontend f"],
  ],
  [
    "a rule of a backend",
    "frontend f\n bind :80\nbackend b\n http-request reject if x",
    ["probe 4 connect 00000000 80 frontend f"],
  ],
  ["a range", "frontend f\n bind :80-90", ["probe 4 http 00000000 80 frontend f"]],
  [
    "no place that the host itself reaches",
    "frontend f\n bind :80 interface eth1\n bind :81 transparent",
    [],
  ],
  ["QUIC, or a socket", "frontend f\n bind quic4@:443 ssl crt x\n bind /run/x.sock", []],
  ["a foreign address", "frontend f\n bind 192.0.2.9:80\n bind :81", ["probe 5 http 00000000 81 frontend f"]],
  ["a frontend that is disabled", "frontend f\n bind :80\n disabled", []],
  ["what HAProxy may pass over", "frontend f\n.if x\n bind :80\n.endif", []],
  ["peers", "peers p\n bind :10000", []],
])("%s", (_, section, expected) => {
  expect(probes(`${defaults}${section}\n`, "192.0.2.9")).toEqual(expected);
});

test("a section has the mode of the defaults that it names, else of those before it", () => {
  const ways = probes(`defaults a
  mode http
defaults
frontend one
  bind :1
frontend two from a
  bind :2
defaults c from a
frontend three
  bind :3
`).map((line) => line.split(" ").slice(2).join(" "));
  expect(ways).toEqual([
    "connect 00000000 1 frontend one",
    "http 00000000 2 frontend two",
    "http 00000000 3 frontend three",
  ]);
});

test("of hundreds of binds the first 64 are tried", () => {
  const binds = Array.from({ length: 300 }, (_, index) => ` bind :${String(1000 + index)}\n`);
  expect(probes(`${defaults}frontend f\n${binds.join("")}`)).toHaveLength(64);
});
