import { join } from "node:path";
import { expect, test } from "vitest";
import { loadInventory } from "../../../src/inventory/load.ts";
import { folderOf, problemsOf, textsOf } from "../folder.ts";

async function load(files: Readonly<Record<string, string | Uint8Array>>, ...paths: string[]) {
  const folder = await folderOf(files);
  return loadInventory(paths.map((path) => join(folder, path)));
}

async function problems(files: Readonly<Record<string, string | Uint8Array>>, ...paths: string[]) {
  const folder = await folderOf(files);
  return textsOf(() => loadInventory(paths.map((path) => join(folder, path))), folder);
}

const one = (text: string) => problems({ "hosts.yml": text }, "hosts.yml");

test("reads groups, children, hosts and variables", async () => {
  const written = await load(
    {
      "hosts.yml":
        "all:\n  vars: {a: 1}\n  children:\n    web:\n      hosts:\n        w1: {b: 2}\n        w2:\n",
    },
    "hosts.yml",
  );
  expect([...written.hosts.keys()]).toEqual(["w1", "w2"]);
  expect(written.hosts.get("w1")?.vars.get("b")?.value).toBe(2);
  expect([...(written.groups.get("web")?.hosts ?? [])]).toEqual(["w1", "w2"]);
  expect([...(written.groups.get("all")?.children ?? [])]).toEqual(["ungrouped", "web"]);
  expect(written.groups.get("all")?.vars.get("a")?.value).toBe(1);
});

test("takes top-level groups without `all`, as Ansible does", async () => {
  const written = await load({ "hosts.yml": "web:\n  hosts: {w1: }\n" }, "hosts.yml");
  expect([...(written.groups.get("all")?.children ?? [])]).toEqual(["ungrouped", "web"]);
});

test("puts hosts of no group into `ungrouped`, and takes out those of another", async () => {
  const text = "all: {hosts: {a: , b: }}\nungrouped: {hosts: {c: , d: }}\nweb: {hosts: {b: , d: }}\n";
  const written = await load({ "hosts.yml": text }, "hosts.yml");
  expect([...(written.groups.get("ungrouped")?.hosts ?? [])]).toEqual(["c", "a"]);
});

test.each<[string, string, string[], unknown]>([
  ["numbers", "w[1:3]", ["w1", "w2", "w3"], undefined],
  ["padded numbers", "w[08:10]", ["w08", "w09", "w10"], undefined],
  ["steps", "w[01:05:2].x", ["w01.x", "w03.x", "w05.x"], undefined],
  ["letters", "w-[a:c]", ["w-a", "w-b", "w-c"], undefined],
  ["several ranges", "r[1:2]w[1:2]", ["r1w1", "r1w2", "r2w1", "r2w2"], undefined],
  ["a port", "w1:2222", ["w1"], 2222],
  ["a range with a port", "w[1:2]:2222", ["w1", "w2"], 2222],
  ["an IPv6 address with a port", '"[::1]:2222"', ["::1"], 2222],
  ["an IPv6 address", '"2001:db8::1"', ["2001:db8::1"], undefined],
])("expands %s in host names", async (_, pattern, names, port) => {
  const written = await load({ "hosts.yml": `all:\n  hosts:\n    ${pattern}:\n` }, "hosts.yml");
  expect([...written.hosts.keys()]).toEqual(names);
  expect(written.hosts.get(names[0] ?? "")?.vars.get("ansible_port")?.value).toBe(port);
});

test("the port in a host's name counts where the host is first named, as for Ansible", async () => {
  const text = "a: {hosts: {w1: , 'w2:22': }}\nb: {hosts: {'w1:2222': , 'w2:2222': }}\n";
  const written = await load({ "hosts.yml": text }, "hosts.yml");
  expect(written.hosts.get("w1")?.vars.has("ansible_port")).toBe(false);
  expect(written.hosts.get("w2")?.vars.get("ansible_port")?.value).toBe(22);
});

test("reads a folder in order, without the names that Ansible ignores", async () => {
  const host = (name: string) => `all: {hosts: {${name}: }}\n`;
  const ignored = [".x.yml", "x.yml~", "x.bak", "x.orig", "x.cfg", "x.ini", "x.retry", "x.pyc", "x.md"];
  const files = Object.fromEntries(ignored.map((name) => [`inv/${name}`, "not an inventory"]));
  const written = await load(
    {
      ...files,
      "inv/b.yaml": host("b"),
      "inv/a.yml": host("a"),
      "inv/c.json": '{"all": {"hosts": {"c": null}}}',
      "inv/sub/d.yml": host("d"),
      "inv/group_vars/all.yml": "x: 1\n",
      "inv/host_vars/a.yml": "x: 2\n",
    },
    "inv",
  );
  expect([...written.hosts.keys()]).toEqual(["a", "b", "c", "d"]);
  expect(written.folders[0]?.groups.get("all")?.get("x")?.value).toBe(1);
  expect(written.folders[0]?.hosts.get("a")?.get("x")?.value).toBe(2);
});

test.each([
  ["without an ending", { "group_vars/web": "x: 1\n" }, 1],
  [".yml", { "group_vars/web.yml": "x: 2\n" }, 2],
  [".yaml", { "group_vars/web.yaml": "x: 3\n" }, 3],
  [".json", { "group_vars/web.json": '{"x": 4}' }, 4],
  ["a folder, in order", { "group_vars/web/a.yml": "x: 0\n", "group_vars/web/b": "x: 5\n" }, 5],
  ["a folder in it", { "group_vars/web/a.yml": "x: 0\n", "group_vars/web/b/c.yml": "x: 6\n" }, 6],
  ["a folder and not NAME.yml", { "group_vars/web/a.yml": "x: 7\n", "group_vars/web.yml": "x: 0\n" }, 7],
  [".yml and not .yaml", { "group_vars/web.yml": "x: 8\n", "group_vars/web.yaml": "x: 0\n" }, 8],
  [
    "a folder without hidden files",
    { "group_vars/web/a.yml": "x: 10\n", "group_vars/web/.b.yml": "x: 0\n" },
    10,
  ],
  [
    "a folder without Emacs's backups",
    { "group_vars/web/a.yml": "x: 11\n", "group_vars/web/b~": "x: 0\n" },
    11,
  ],
  ["a folder without backups", { "group_vars/web/a.yml": "x: 9\n", "group_vars/web/b.bak": "x: 0\n" }, 9],
])("reads group_vars %s", async (_, files, expected) => {
  const written = await load(
    { "hosts.yml": "web: {hosts: {w: }}\n", ...(files as Record<string, string>) },
    "hosts.yml",
  );
  expect(written.folders[0]?.groups.get("web")?.get("x")?.value).toBe(expected);
});

test("does not read group_vars of groups that the inventory does not have", async () => {
  const written = await load(
    { "hosts.yml": "web: {hosts: {w: }}\n", "group_vars/other.yml": "{{{" },
    "hosts.yml",
  );
  expect(written.folders[0]?.groups.size).toBe(0);
});

test.each<[string, string, string]>([
  ["an empty file", "", "hosts.yml:1 the inventory is empty"],
  ["an inventory without hosts", "all: {vars: {a: 1}}\n", "hosts.yml the inventory has no hosts"],
  ["a list", "- a\n", 'hosts.yml:1 an inventory must be a map of groups; read ["a"] (a list)'],
  [
    "`hosts` as a list",
    "all:\n  hosts: [a, b]\n",
    'hosts.yml:2 `hosts` of group "all" must be a map; read ["a","b"] (a list)',
  ],
  ["`hosts` at the top", "hosts: {a: }\n", "hosts.yml:1 `hosts` stands where a group must be"],
  [
    "an unknown key",
    "all:\n  host: {a: }\n",
    'hosts.yml:2 unknown key "host" in group "all"; did you mean "hosts"?',
  ],
  [
    "a group that is text",
    "all:\n  children:\n    web: x\n",
    'hosts.yml:3 the group "web" must be a map; read "x" (a string)',
  ],
  [
    "a host that is text",
    "all:\n  hosts:\n    web: x\n",
    'hosts.yml:3 the variables of host "web" must be a map; read "x" (a string)',
  ],
  [
    "a host that looks like an option",
    "all:\n  hosts:\n    -oProxyCommand=x:\n",
    'hosts.yml:3 the host name "-oProxyCommand=x" starts with -, and would be read as an option',
  ],
  ["a host with a space", "all:\n  hosts:\n    a b:\n", 'hosts.yml:3 the host name "a b" contains a space'],
  [
    "a host with a line break",
    'all:\n  hosts:\n    "a\\n":\n',
    'hosts.yml:3 the host name "a\\n" contains a line break',
  ],
  [
    "a host that climbs",
    "all:\n  hosts:\n    ../a:\n",
    'hosts.yml:3 the host name "../a" contains the character /',
  ],
  [
    "a host of dots",
    "all:\n  hosts:\n    ..:\n",
    'hosts.yml:3 the host name ".." does not start with a letter, a digit or _',
  ],
  ["a group with $", "$x: {hosts: {a: }}\n", 'hosts.yml:1 the group name "$x" contains the character $'],
  [
    "a range backwards",
    "all:\n  hosts:\n    w[3:1]:\n",
    'hosts.yml:3 the host "w[3:1]" has the range [3:1], whose end comes before its beginning',
  ],
  [
    "an unequal range",
    "all:\n  hosts:\n    w[01:100]:\n",
    'hosts.yml:3 the host "w[01:100]" has the range [01:100], whose ends are not of one length',
  ],
  [
    "a range without end",
    "all:\n  hosts:\n    w[1:]:\n",
    'hosts.yml:3 the host "w[1:]" has the range [1:], whose ends are not two numbers or two letters',
  ],
  [
    "an endless name",
    `all:\n  hosts:\n    ? w${"[1:1]".repeat(300)}\n    :\n`,
    `hosts.yml:3 the host "w${"[1:1]".repeat(300)}" is longer than 1024 characters`,
  ],
  [
    "a huge range",
    "all:\n  hosts:\n    w[1:9999999]:\n",
    'hosts.yml:3 the host "w[1:9999999]" stands for more than 100000 hosts',
  ],
  [
    "a step of 0",
    "all:\n  hosts:\n    w[1:3:0]:\n",
    'hosts.yml:3 the host "w[1:3:0]" has the range [1:3:0], whose step is not a whole number of at least 1',
  ],
  [
    "a circle of groups",
    "a: {children: {b: {children: {a: }}}}\n",
    'hosts.yml:1 the group "a" is a child of itself: a > b > a',
  ],
  [
    "a plugin",
    "plugin: aws_ec2\nregions: [x]\n",
    "hosts.yml:1 this file configures an inventory plugin, which only Ansible can run",
  ],
  [
    "a priority that is no number",
    "a: {vars: {ansible_group_priority: x}}\n",
    'hosts.yml:1 ansible_group_priority must be a whole number; read "x" (a string)',
  ],
])("refuses %s", async (_, text, expected) => {
  const found = await one(text);
  expect(found[0]).toBe(expected);
});

test("an inventory for Ansible only is told the command that writes it out", async () => {
  const folder = await folderOf({
    "inv.ini": "[web]\nw1\n",
    "inv.sh": "#!/bin/sh\n",
    "p.yml": "plugin: x\n",
  });
  for (const name of ["inv.ini", "inv.sh", "p.yml"]) {
    const [problem] = await problemsOf(() => loadInventory([join(folder, name)]));
    expect(problem?.hint).toContain(`ansible-inventory -i ${join(folder, name)} --list --yaml`);
  }
});

test.each([
  ["a path that is not there", ["nothing.yml"], "nothing.yml there is no such inventory file or folder"],
  ["an empty folder", ["empty"], "empty the inventory folder holds no inventory file"],
])("refuses %s", async (_, paths, expected) => {
  expect(await problems({ "empty/.keep": "" }, ...paths)).toEqual([expected]);
});

test("tells the problems of all files at once", async () => {
  const files = {
    "a.yml": "all: {host: {x: }}\n",
    "b.yml": "a: 1\na: 2\n",
    "c.yml": "web: {hosts: {w1: }}\n",
    "group_vars/all.yml": "- 1\n",
    "group_vars/web.yml": new Uint8Array([0x61, 0xff]),
    "host_vars/w1.yml": "x: {{ y }}\n",
  };
  expect(
    (await problems(files, "a.yml", "b.yml", "gone.yml", "c.yml")).map((text) => text.split(" ")[0]),
  ).toEqual([
    "a.yml:1",
    "b.yml:2",
    "gone.yml",
    "group_vars/all.yml:1",
    "group_vars/web.yml:1",
    "host_vars/w1.yml:1",
  ]);
});
