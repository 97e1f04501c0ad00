import { beforeAll, expect, test } from "vitest";
import { checkVariables } from "../../../src/inventory/check.ts";
import { parseExtraVars } from "../../../src/inventory/extra-vars.ts";
import { loadRole } from "../../../src/role/load.ts";
import { variableNames } from "../../../src/role/variables.ts";
import type { Role } from "../../../src/model/role.ts";
import { problemsOf } from "../folder.ts";
import { fleetOf } from "./fleet.ts";

let role: Role;
beforeAll(async () => {
  role = await loadRole("haproxy", ["roles"]);
});

async function check(vars: string, extra: string[] = []) {
  const fleet = await fleetOf(`all:\n  hosts:\n    lb1:\n${vars.replace(/^/gm, "      ")}\n`, {
    defaults: role.defaults,
    extraVars: await parseExtraVars(extra),
    needed: variableNames(role),
  });
  checkVariables(fleet, ["lb1"], role);
}

const texts = async (vars: string) =>
  (await problemsOf(() => check(vars))).map(({ at, what }) => `${at?.replace(/^.*\//, "") ?? ""} ${what}`);

test("the defaults alone are right", async () => {
  await check("{}");
});

test.each([
  "haproxy_trusted_ips: [10.0.0.0/8, '2001:db8::/32', '::1']",
  "haproxy_tls_cert_path: /etc/ssl/private/site.pem",
  "haproxy_server_address: api1.example.com\nhaproxy_server_id: 1048575\nhaproxy_server_weight: 0",
  "haproxy_stream_path_prefixes: [/live, /hls/v1]\nhaproxy_stream_hosts: [stream.example.com]",
  "haproxy_stats_address: '::1'",
  // HTTPS is not bound without a certificate, so its port is free
  "haproxy_listen_http: 443",
  // one set of hosts may serve both pools, on two ports
  "haproxy_stream_group: backend_api_instances",
  'port: 8000\nhaproxy_listen_http: "{{ port }}"',
  'other: "{{ x | default(omit) }}"\nhaproxyd: 1\nmy_haproxy_x: 1',
])("accepts %j", async (vars) => {
  await check(vars);
});

test.each([
  [
    "haproxy_listen_http: no",
    "hosts.yml:4 haproxy_listen_http must be a whole number from 1 to 65535; read false (a boolean)",
  ],
  [
    "haproxy_listen_http: 0777x",
    'hosts.yml:4 haproxy_listen_http must be a whole number from 1 to 65535; read "0777x" (a string)',
  ],
  [
    "haproxy_listen_http: 0",
    "hosts.yml:4 haproxy_listen_http must be a whole number from 1 to 65535; read 0 (a whole number)",
  ],
  [
    "haproxy_listen_http:",
    "hosts.yml:4 haproxy_listen_http must be a whole number from 1 to 65535; read nothing (null)",
  ],
  [
    "haproxy_server_id: 1048576",
    "hosts.yml:4 haproxy_server_id must be a whole number from 1 to 1048575; read 1048576 (a whole number)",
  ],
  [
    "haproxy_server_weight: 257",
    "hosts.yml:4 haproxy_server_weight must be a whole number from 0 to 256; read 257 (a whole number)",
  ],
  [
    "haproxy_trusted_ips: 10.0.0.1",
    'hosts.yml:4 haproxy_trusted_ips must be a list; read "10.0.0.1" (a string)',
  ],
  [
    "haproxy_trusted_ips:\n  - 10.0.0.0/8\n  - 10.1.0.0/8",
    'hosts.yml:6 haproxy_trusted_ips/1 must be an IP address, or a network such as 10.0.0.0/8; read "10.1.0.0/8" (a string), which has host bits set; the network is 10.0.0.0/8',
  ],
  [
    "haproxy_trusted_ips:\n  - 10.0.0.1\n  - 10.0.0.2\n  - 10.0.0.1/32",
    'hosts.yml:7 haproxy_trusted_ips/2 ("10.0.0.1/32") repeats haproxy_trusted_ips/0',
  ],
  [
    "haproxy_trusted_ips: ['2001:db8::1', '2001:DB8:0::1']",
    'hosts.yml:4 haproxy_trusted_ips/1 ("2001:DB8:0::1") repeats haproxy_trusted_ips/0',
  ],
  [
    "haproxy_lissten_http: 80",
    'hosts.yml:4 the role haproxy has no variable "haproxy_lissten_http"; did you mean "haproxy_listen_http"?',
  ],
  ["haproxy_something_else: 80", 'hosts.yml:4 the role haproxy has no variable "haproxy_something_else"'],
  [
    "haproxy_stats_port: 80",
    "hosts.yml:4 haproxy_stats_port is 80, as is haproxy_listen_http; one port serves one of them",
  ],
  [
    "haproxy_tls_cert_path: /a.pem\nhaproxy_listen_https: 80",
    "hosts.yml:5 haproxy_listen_https is 80, as is haproxy_listen_http; one port serves one of them",
  ],
  [
    "haproxy_health_check_fastinter_ms: 6000",
    "hosts.yml:4 haproxy_health_check_fastinter_ms is 6000, more than haproxy_health_check_interval_ms (5000); checks of a failing server would be slower than the usual ones",
  ],
  [
    "haproxy_graceful_drain_seconds: 5",
    "hosts.yml:4 haproxy_graceful_drain_seconds is 5 s, not longer than haproxy_health_check_interval_ms (5000 ms); a returning server would skip its slow start",
  ],
  // out of range and in conflict: the first is told
  [
    "haproxy_health_check_fastinter_ms: 9999999",
    "hosts.yml:4 haproxy_health_check_fastinter_ms must be a whole number from 50 to 3600000; read 9999999 (a whole number)",
  ],
  [
    "haproxy_stream_hosts: [a.b, A.b]",
    'hosts.yml:4 haproxy_stream_hosts/1 ("A.b") repeats haproxy_stream_hosts/0',
  ],
  [
    'haproxy_foreign_addresses: ["2001:db8::1", "2001:DB8:0::1"]',
    'hosts.yml:4 haproxy_foreign_addresses/1 ("2001:DB8:0::1") repeats haproxy_foreign_addresses/0',
  ],
])("refuses %j", async (vars, expected) => {
  expect(await texts(vars)).toEqual([expected]);
});

const hostile = [
  "a\\nlisten x",
  "a b",
  "a#b",
  "a'b",
  'a\\"b',
  "a\\\\b",
  "a`b",
  "${X}",
  "%[env(X)]",
  "é",
  "a\\n",
  "a;b",
  "a,b",
];
const strings = [
  ["haproxy_tls_cert_path", "/"],
  ["haproxy_sticky_cookie_name", ""],
  ["haproxy_api_health_path", "/"],
  ["haproxy_stream_health_path", "/"],
  ["haproxy_stats_address", ""],
  ["haproxy_api_group", ""],
  ["haproxy_stream_group", ""],
  ["haproxy_server_address", ""],
  ["haproxy_stream_path_prefixes", "/"],
  ["haproxy_stream_hosts", ""],
  ["haproxy_foreign_addresses", ""],
  ["haproxy_trusted_ips", ""],
] as const;
test.each(strings)("no hostile text passes in %s", async (name, start) => {
  const isList = Array.isArray(role.defaults[name]?.value);
  for (const text of hostile) {
    const value = `"${start}${text}"`;
    expect(await texts(`${name}: ${isList ? `[${value}]` : value}`)).toHaveLength(1);
  }
});

// those within haproxy_pools and haproxy_routes have theirs in own-pools.test.ts
test("every string of the schema has such a test, and a list of what it may hold", () => {
  const { properties } = role.schema as {
    properties: Record<string, { type: string; format?: string; items?: { type: string; format?: string } }>;
  };
  const texts = Object.entries(properties).filter(
    ([, { type, items }]) => (items?.type ?? type) === "string",
  );
  expect(texts.map(([name]) => name).sort()).toEqual(strings.map(([name]) => name).sort());
  for (const [, { format, items }] of texts) expect(format ?? items?.format).toBeTruthy();
});

test("tells what hosts share once, with how many they are", async () => {
  const fleet = await fleetOf('all: {vars: {haproxy_listen_http: x}, hosts: {"lb[1:4]": }}\n', {
    defaults: role.defaults,
  });
  const problems = await problemsOf(() => {
    checkVariables(fleet, [...fleet.hosts.keys()], role);
  });
  expect(problems.map(({ what }) => what)).toEqual([
    'haproxy_listen_http must be a whole number from 1 to 65535; read "x" (a string) (lb1 and 3 more hosts)',
  ]);
});

test("a conflict with a default is shown where the other value is set", async () => {
  expect(await texts("haproxy_listen_http: 9100")).toEqual([
    "hosts.yml:4 haproxy_stats_port is 9100, as is haproxy_listen_http; one port serves one of them",
  ]);
});

test("hosts that differ in one variable only are each checked", async () => {
  const text = "all: {hosts: {a: , b: {haproxy_retries: x}, c: , d: {haproxy_retries: y}}}\n";
  const fleet = await fleetOf(text, { defaults: role.defaults });
  const problems = await problemsOf(() => {
    checkVariables(fleet, ["a", "b", "c", "d"], role);
  });
  expect(problems.map(({ what }) => /read "(.)"/.exec(what)?.[1])).toEqual(["x", "y"]);
});

test.each([
  [
    "two servers of a pool with one id",
    "{id: 5}",
    "{id: 5}",
    'haproxy_server_id of s2 is 5, as is that of s1 in the group "backend_api_instances"',
  ],
  ["two servers with ids of their own", "{id: 5}", "{id: 6}", undefined],
  ["two servers without ids", "", "", undefined],
])("%s", async (_, one, two, expected) => {
  const [first, second] = [one, two].map((vars) => vars.replace("id", "haproxy_server_id"));
  const text = `haproxy: {hosts: {lb1: }}\nbackend_api_instances: {hosts: {s1: ${first ?? ""}, s2: ${second ?? ""}}}\n`;
  const fleet = await fleetOf(text, { defaults: role.defaults });
  const run = () => {
    checkVariables(fleet, ["lb1"], role);
  };
  if (expected) expect((await problemsOf(run)).map(({ what }) => what)).toEqual([expected]);
  else run();
});

test("a pool whose group is not there is an error, once, unless the default names it", async () => {
  const text = "haproxy: {hosts: {lb1: , lb2: }, vars: {haproxy_api_group: apis}}\napi: {hosts: {s1: }}\n";
  const fleet = await fleetOf(text, { defaults: role.defaults });
  const problems = await problemsOf(() => {
    checkVariables(fleet, ["lb1", "lb2"], role);
  });
  expect(problems.map(({ what }) => what)).toEqual([
    'haproxy_api_group is "apis", which is no group of the inventory; did you mean "api"?',
  ]);
});

test("checks only the hosts it is given", async () => {
  const fleet = await fleetOf("all: {hosts: {a: {haproxy_listen_http: x}, b: }}\n", {
    defaults: role.defaults,
  });
  checkVariables(fleet, ["b"], role);
  expect(
    await problemsOf(() => {
      checkVariables(fleet, ["a", "b"], role);
    }),
  ).toHaveLength(1);
});

test("tells all problems of all variables at once", async () => {
  expect(
    await texts("haproxy_listen_http: x\nhaproxy_retries: -1\nhaproxy_foo: 1\nhaproxy_trusted_ips: [a, b]"),
  ).toHaveLength(5);
});

test("a number given as -e name=value is explained", async () => {
  const [problem] = await problemsOf(() => check("{}", ["haproxy_listen_http=8080"]));
  expect(problem?.at).toBe("--extra-vars:1");
  expect(problem?.hint).toContain(`-e '{"haproxy_listen_http": …}'`);
});
