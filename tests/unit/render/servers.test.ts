import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Part } from "../../../src/document/part.ts";
import { mask } from "../../../src/document/secrets.ts";
import { LbctlError } from "../../../src/errors.ts";
import { poolServers } from "../../../src/render/servers.ts";
import { makeFleet, makeHost } from "../../support/fleet.ts";

function pool(...hosts: ReturnType<typeof makeHost>[]) {
  const fleet = makeFleet(hosts, { api: hosts.map((host) => host.name) });
  return poolServers(fleet, { groups: ["api"], port: 8080 });
}

function idOf(name: string): number {
  return 1 + Number(BigInt(`0x${createHash("sha256").update(name).digest("hex")}`) % 1_048_575n);
}

test("ids come from the names alone, whatever the order and the company", () => {
  const [a, b] = [makeHost("api-1", "192.0.2.1"), makeHost("api-2", "192.0.2.2")];
  expect(pool(a, b).servers.map((server) => server.id)).toEqual([idOf("api-1"), idOf("api-2")]);
  expect(pool(b).servers[0]?.id).toBe(idOf("api-2"));
});

test("a colliding name probes upward, with a warning, and a pinned id is kept", () => {
  const pinned = makeHost("a", "192.0.2.1", { haproxy_server_id: idOf("b") });
  const { servers, warnings } = pool(pinned, makeHost("b", "192.0.2.2"));
  expect(servers.map((server) => server.id)).toEqual([idOf("b"), idOf("b") + 1]);
  expect(warnings).toEqual([expect.stringContaining("pin one with haproxy_server_id")]);
});

test("two servers at one address are refused", () => {
  expect(() => pool(makeHost("a", "192.0.2.1"), makeHost("b", "192.0.2.1"))).toThrow(
    "vars.yml:1: the servers a and b have the same address 192.0.2.1",
  );
});

test("of an address that has no value the reason is told, and nothing else", () => {
  const why = { what: 'the variable "nope" is not defined', at: "hosts.yml:3", hint: "Define it." };
  const host = { ...makeHost("a", "{{ nope }}"), unresolved: new Map([["ansible_host", [why]]]) };
  expect(() => pool(host)).toThrow(new LbctlError("invalid", why));
});

test("of a secret address that two servers share no message shows it", () => {
  const secret = {
    ansible_host: new Part("192.0.2.1", { file: "f.yml", line: 2 }, undefined, { isSecret: true }),
  };
  const hosts = [makeHost("a", "192.0.2.1"), { ...makeHost("b", ""), vars: secret }];
  expect(() => pool(...hosts)).toThrow(`f.yml:2: the servers a and b have the same address ${mask}`);
});

test.each([
  ["192.0.2.1", "192.0.2.1:8080", false],
  ["2001:db8::1", "[2001:db8::1]:8080", false],
  ["2001:DB8:0::1", "[2001:db8::1]:8080", false],
  ["::1:80", "[::1:80]:8080", false],
  ["app.example", "app.example:8080", true],
])("the address %s becomes %s", (address, endpoint, named) => {
  expect(pool(makeHost("a", address)).servers[0]).toMatchObject({ endpoint, named });
});

test("haproxy_server_address wins over ansible_host", () => {
  const host = makeHost("a", "192.0.2.1", { haproxy_server_address: "198.51.100.9" });
  expect(pool(host).servers[0]?.endpoint).toBe("198.51.100.9:8080");
});

test.each(["a b", "x\n", "-x", "$HOME", "a;b"])("the address %j is refused", (address) => {
  expect(() => pool(makeHost("a", address))).toThrow("cannot be the address");
});

test.each(["incus", "community.general.incus", "lxc", "community.general.lxd"])(
  "with ansible_connection %s, ansible_host is an instance's name and no address",
  (kind) => {
    const host = (vars: object) => makeHost("a", "web-1", { ansible_connection: kind, ...vars });
    expect(() => pool(host({}))).toThrow('server a has no address: "web-1" is the name of its instance');
    expect(pool(host({ haproxy_server_address: "web-1.lan" })).servers[0]?.endpoint).toBe("web-1.lan:8080");
    expect(pool(host({ ansible_host: "192.0.2.7", ansible_incus_host: "web-1" })).servers[0]?.endpoint).toBe(
      "192.0.2.7:8080",
    );
  },
);

describe("with more groups, and listed servers", () => {
  const hosts = [makeHost("a", "192.0.2.1"), makeHost("b", "192.0.2.2"), makeHost("c", "192.0.2.3")];
  const fleet = makeFleet(hosts, { one: ["a", "b"], two: ["b", "c"] });

  test("a host of two groups is one server, and the ids are of the names alone", () => {
    const listed = [{ name: "old", address: "192.0.2.9", port: 81, weight: 0, maxconn: 7, backup: true }];
    const { servers } = poolServers(fleet, { groups: ["one", "two"], listed, port: 80 });
    expect(servers.map(({ name, endpoint, id }) => [name, endpoint, id])).toEqual([
      ["a", "192.0.2.1:80", idOf("a")],
      ["b", "192.0.2.2:80", idOf("b")],
      ["c", "192.0.2.3:80", idOf("c")],
      ["old", "192.0.2.9:81", idOf("old")],
    ]);
    expect(servers[3]).toMatchObject({ weight: 0, maxconn: 7, backup: true, disabled: false });
  });

  test("a listed server whose id a host has pinned probes upward", () => {
    const pinned = makeHost("a", "192.0.2.1", { haproxy_server_id: idOf("old") });
    const listed = [{ name: "old", address: "192.0.2.9" }];
    const { servers, warnings } = poolServers(makeFleet([pinned], { one: ["a"] }), {
      groups: ["one"],
      listed,
      port: 80,
    });
    expect(servers.map(({ id }) => id)).toEqual([idOf("old"), idOf("old") + 1]);
    expect(warnings).toEqual([expect.stringContaining("server ids of a and old collide")]);
  });

  test.each([
    ["2001:DB8:0::9", "[2001:db8::9]:80", false],
    ["git.example.com", "git.example.com:80", true],
    ["192.0.2.9", "192.0.2.9:80", false],
  ])("the listed address %s becomes %s", (address, endpoint, named) => {
    const { servers } = poolServers(fleet, { groups: [], listed: [{ name: "old", address }], port: 80 });
    expect(servers[0]).toMatchObject({ endpoint, named });
  });

  test("a name or an address that a host and the list share is refused", () => {
    const members = (name: string, address: string, port?: number) => ({
      groups: ["one"],
      listed: [{ name, address, ...(port === undefined ? {} : { port }) }],
      port: 80,
    });
    const shared = (what: string) =>
      `hosts.yml:1: the host a of a pool's groups and a server of its list in haproxy_pools have the same ${what}`;
    expect(() => poolServers(fleet, members("a", "192.0.2.9"))).toThrow(shared("name"));
    expect(() => poolServers(fleet, members("x", "192.0.2.1"))).toThrow(shared("address"));
    // another port of the same machine is another server
    expect(poolServers(fleet, members("x", "192.0.2.1", 81)).servers).toHaveLength(3);
  });
});
