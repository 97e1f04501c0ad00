import { homedir } from "node:os";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { checkConnections } from "../../../src/inventory/connection.ts";
import { textsOf } from "../folder.ts";
import { fleetOf } from "./fleet.ts";

const fleet = (vars: string) => fleetOf(`all:\n  hosts:\n    h:\n${vars.replace(/^/gm, "      ")}\n`);

test.each<[string, string, object]>([
  ["nothing", "{}", { address: "h" }],
  [
    "an address and a port",
    "ansible_host: 10.0.0.1\nansible_port: 2222",
    { address: "10.0.0.1", port: 2222 },
  ],
  ["an IPv6 address", "ansible_host: '2001:db8::1'", { address: "2001:db8::1" }],
  ["an alias of ssh_config", "ansible_host: my_alias-1", { address: "my_alias-1" }],
  ["a port as text", "ansible_port: '22'", { address: "h", port: 22 }],
  ["a user", "ansible_user: deploy", { address: "h", user: "deploy" }],
  [
    "ssh's older names, which win",
    "ansible_host: a\nansible_ssh_host: b\nansible_user: u\nansible_ssh_user: v",
    { address: "b", user: "v" },
  ],
  ["become", "ansible_become: yes", { address: "h", become: true }],
  ["become as text", "ansible_become: 'Yes'", { address: "h", become: true }],
  ["no become", "ansible_become: 'false'", { address: "h" }],
  ["smart", "ansible_connection: smart", { address: "h" }],
  [
    "ssh",
    "ansible_connection: ssh\nansible_become_method: sudo\nansible_become_user: root",
    { address: "h" },
  ],
  [
    "a key below the home",
    "ansible_ssh_private_key_file: ~/.ssh/id",
    { address: "h", keyFile: `${homedir()}/.ssh/id` },
  ],
  ["a key with a space", "ansible_private_key_file: '/a b/id'", { address: "h", keyFile: "/a b/id" }],
  [
    "options, common ones first",
    `ansible_ssh_extra_args: -4\nansible_ssh_common_args: '-o ProxyCommand="ssh -W %h:%p jump" -o X=y'`,
    { address: "h", sshArgs: ["-o", "ProxyCommand=ssh -W %h:%p jump", "-o", "X=y", "-4"] },
  ],
  ["empty options", "ansible_ssh_common_args: ''", { address: "h" }],
  ["a reference", 'x: 10.0.0.9\nansible_host: "{{ x }}"', { address: "10.0.0.9" }],
])("reads %s", async (_, vars, expected) => {
  const host = (await fleet(vars)).hosts.get("h");
  expect(host?.connection).toEqual({ kind: "ssh", sshArgs: [], become: false, ...expected });
});

test.each<[string, string, string]>([
  [
    "an address that is an option",
    "ansible_host: -oProxyCommand=x",
    'ansible_host: "-oProxyCommand=x" starts with -, and would be read as an option',
  ],
  [
    "an address with a command",
    "ansible_host: a;reboot",
    'ansible_host: "a;reboot" contains the character ;',
  ],
  ["an address with a line break", 'ansible_host: "a\\n"', 'ansible_host: "a\\n" contains a line break'],
  ["an address with a user", "ansible_host: u@a", 'ansible_host: "u@a" contains the character @'],
  ["an empty address", "ansible_host: ''", 'ansible_host: "" is empty'],
  ["an address that is a list", "ansible_host: [a]", 'ansible_host: must be a string; read ["a"] (a list)'],
  [
    "a user that is an option",
    "ansible_user: -x",
    'ansible_user: "-x" starts with -, and would be read as an option',
  ],
  ["a user with a space", "ansible_user: a b", 'ansible_user: "a b" contains a space'],
  ["a user with $", "ansible_user: $X", 'ansible_user: "$X" contains the character $'],
  [
    "port 0",
    "ansible_port: 0",
    "ansible_port: must be a whole number from 1 to 65535; read 0 (a whole number)",
  ],
  [
    "a port that is no number",
    "ansible_port: ssh",
    'ansible_port: must be a whole number from 1 to 65535; read "ssh" (a string)',
  ],
  [
    "a key that ssh would expand",
    "ansible_private_key_file: /a/%h",
    'ansible_private_key_file: "/a/%h" contains the character %',
  ],
  [
    "another user's key",
    "ansible_private_key_file: ~bob/id",
    'ansible_private_key_file: "~bob/id" starts with ~ and a user\'s name, which is not supported',
  ],
  [
    "another connection",
    "ansible_connection: winrm",
    'ansible_connection: "winrm" (a string) is not supported: lbctl connects by ssh, incus, lxd or local',
  ],
  [
    "another way to root",
    "ansible_become_method: su",
    'ansible_become_method: "su" (a string) is not supported: lbctl becomes root with sudo',
  ],
  [
    "another user to become",
    "ansible_become_user: bob",
    'ansible_become_user: "bob" (a string) is not supported: lbctl works as root',
  ],
  [
    "a password",
    "ansible_password: x",
    "ansible_password: passwords are not supported: lbctl logs in with a key or an agent",
  ],
  [
    "an older password",
    "ansible_ssh_pass: x",
    "ansible_ssh_pass: passwords are not supported: lbctl logs in with a key or an agent",
  ],
  [
    "become that is neither",
    "ansible_become: maybe",
    'ansible_become: must be true or false; read "maybe" (a string)',
  ],
  [
    "an open quote in options",
    "ansible_ssh_common_args: '-o \"x'",
    'ansible_ssh_common_args: must be ssh options on one line, with closed quotes; read "-o \\"x" (a string)',
  ],
  [
    "options that start with a host",
    "ansible_ssh_extra_args: evil -o x",
    'ansible_ssh_extra_args: must start with an option; read "evil -o x" (a string)',
  ],
  ["a reference to nothing", 'ansible_host: "{{ zz_none }}"', 'the variable "zz_none" is not defined'],
])("refuses %s", async (_, vars, expected) => {
  const found = await fleet(vars);
  const texts = await textsOf(() => found.hosts.get("h")?.connection);
  expect(texts.map((text) => text.replace(/^\S+ /, ""))).toEqual([expected]);
});

test.each<[string, string, object]>([
  ["this machine", "ansible_connection: local", { kind: "local" }],
  [
    "an Incus instance",
    "ansible_connection: community.general.incus",
    { kind: "incus", remote: "local", project: "default", instance: "h" },
  ],
  [
    "an Incus instance elsewhere",
    "ansible_connection: incus\nansible_host: 192.0.2.1\nansible_incus_host: web-1\nansible_incus_remote: far\nansible_incus_project: lab\nansible_become: true",
    { kind: "incus", remote: "far", project: "lab", instance: "web-1", become: true },
  ],
  [
    "an LXD instance by its full name",
    "ansible_connection: lxc\nansible_host: web-1.example.net\nansible_lxd_project: p",
    { kind: "lxd", remote: "local", project: "p", instance: "web-1" },
  ],
  [
    "LXD by Ansible's name",
    "ansible_connection: community.general.lxd\nansible_lxd_host: w\nansible_lxd_remote: r",
    { kind: "lxd", remote: "r", project: "default", instance: "w" },
  ],
])("reads %s", async (_, vars, expected) => {
  expect((await fleet(vars)).hosts.get("h")?.connection).toEqual({ become: false, ...expected });
});

test.each([
  [
    "an IP as an instance",
    "ansible_host: 192.0.2.1",
    /ansible_host: "192.0.2.1" does not start with a letter/,
  ],
  ["an instance that is an option", "ansible_host: --all", /starts with -, and would be read as an option/],
  ["an instance with a remote", "ansible_incus_host: r:a", /contains the character :/],
  ["a project that is an option", "ansible_incus_project: -x", /ansible_incus_project: .* starts with -/],
  [
    "a remote with a command",
    "ansible_incus_remote: 'a;b'",
    /ansible_incus_remote: .* contains the character ;/,
  ],
])("with Incus, refuses %s", async (_, vars, expected) => {
  const found = await fleet(`ansible_connection: incus\n${vars}`);
  const texts = await textsOf(() => found.hosts.get("h")?.connection);
  expect(texts).toEqual([expect.stringMatching(expected)]);
});

test("a password for sudo is read, and no print or JSON of the connection shows it", async () => {
  const found = await fleet(
    "ansible_become: true\nansible_become_pass: other\nansible_become_password: 'hunter 2'",
  );
  const connection = found.hosts.get("h")?.connection;
  expect(connection?.becomePassword?.()).toBe("other");
  expect(JSON.stringify(connection) + inspect(connection)).not.toContain("other");
});

test.each(["ansible_become_password: [hunter2]", 'ansible_become_password: "hunter2\\nreboot"'])(
  "%j is refused without being shown",
  async (vars) => {
    const found = await fleet(vars);
    const texts = await textsOf(() => found.hosts.get("h")?.connection);
    expect(texts.join()).toMatch(/ansible_become_password: must be one line of text/);
    expect(texts.join()).not.toContain("hunter2");
  },
);

test("another program than sudo is refused", async () => {
  const found = await fleet("ansible_become_exe: /opt/evil");
  expect(await textsOf(() => found.hosts.get("h")?.connection)).toHaveLength(1);
});

test("a password's value is never shown", async () => {
  const found = await fleet("ansible_password: hunter2");
  expect((await textsOf(() => found.hosts.get("h")?.connection)).join()).not.toContain("hunter2");
});

test("only hosts that are connected to are checked, and then all of them", async () => {
  const found = await fleetOf("all: {hosts: {a: {ansible_connection: winrm}, b: {ansible_port: x}, c: }}\n");
  expect(found.hosts.size).toBe(3);
  checkConnections(found, ["c"]);
  expect(
    await textsOf(() => {
      checkConnections(found, ["a", "b", "c"]);
    }),
  ).toHaveLength(2);
});
